//! The handler files that are part of the program, for when there is no
//! folder of one's own.

/// Names and texts, as they lie in `messages/`.
pub const FILES: &[(&str, &str)] = &[
    (
        "messages/channels/processor.json",
        include_str!("../../../messages/channels/processor.json"),
    ),
    (
        "messages/channels/kunpeng-hccs.json",
        include_str!("../../../messages/channels/kunpeng-hccs.json"),
    ),
    (
        "messages/channels/xgene-hwmon.json",
        include_str!("../../../messages/channels/xgene-hwmon.json"),
    ),
    (
        "messages/mctp/endpoint.json",
        include_str!("../../../messages/mctp/endpoint.json"),
    ),
    (
        "messages/pldm/base.json",
        include_str!("../../../messages/pldm/base.json"),
    ),
    (
        "messages/vendor/echo.json",
        include_str!("../../../messages/vendor/echo.json"),
    ),
];

/// The file with the endpoint that is used when no other file has one.
pub const ENDPOINT: (&str, &str) = (
    "messages/mctp/endpoint.json",
    include_str!("../../../messages/mctp/endpoint.json"),
);
