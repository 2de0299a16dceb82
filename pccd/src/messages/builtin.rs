//! The handler files that are part of the program, for when there is no
//! folder of one's own.

/// A file of `messages/`, by its path there.
macro_rules! message {
    ($path:literal) => {
        (
            concat!("messages/", $path),
            include_str!(concat!("../../../messages/", $path)),
        )
    };
}

/// Names and texts, as they lie in `messages/`.
pub const FILES: &[(&str, &str)] = &[
    message!("cppc/cppc.json"),
    message!("kunpeng-hccs/hccs.json"),
    message!("mctp/endpoint.json"),
    message!("nvme-mi/admin.json"),
    message!("nvme-mi/control.json"),
    message!("nvme-mi/health.json"),
    message!("pldm/base.json"),
    message!("pldm/fru.json"),
    message!("pldm/multipart.json"),
    message!("pldm/monitoring.json"),
    message!("raw/echo.json"),
    message!("spdm/responder.json"),
    message!("vendor/echo.json"),
    message!("vendor/iana.json"),
    message!("xgene-hwmon/sensors.json"),
];

/// The file with the endpoint that is used when no other file has one.
pub const ENDPOINT: (&str, &str) = message!("mctp/endpoint.json");
