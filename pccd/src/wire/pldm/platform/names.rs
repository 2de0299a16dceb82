//! What PLDM for platform monitoring calls its values (DSP0248).

use crate::wire::layout::Names;

pub const TRANSFER_OPERATIONS: Names =
    &[(0, "GetNextPart"), (1, "GetFirstPart"), (2, "AcknowledgementOnly")];
/// Another numbering than that of type 0.
pub const TRANSFER_FLAGS: Names =
    &[(0, "Start"), (1, "Middle"), (4, "End"), (5, "StartAndEnd")];
pub const GLOBAL_ENABLES: Names = &[
    (0, "disable"),
    (1, "enableAsync"),
    (2, "enablePolling"),
    (3, "enableAsyncKeepAlive"),
];
pub const TRANSPORTS: Names = &[(0, "MCTP")];
pub const EVENT_CLASSES: Names = &[
    (0, "sensorEvent"),
    (1, "effecterEvent"),
    (2, "redfishTaskExecutedEvent"),
    (3, "redfishMessageEvent"),
    (4, "pldmPDRRepositoryChgEvent"),
    (5, "pldmMessagePollEvent"),
    (6, "heartbeatTimerElapsedEvent"),
    (7, "CPEREvent"),
];
pub const SENSOR_EVENTS: Names =
    &[(0, "sensorOpState"), (1, "stateSensorState"), (2, "numericSensorState")];
pub const EVENT_STATUS: Names = &[
    (0, "noLogging"),
    (1, "loggingDisabled"),
    (2, "logFull"),
    (3, "acceptedForLogging"),
    (4, "logged"),
    (5, "loggingRejected"),
];
pub const CHANGES: Names = &[
    (0, "refreshAllRecords"),
    (1, "recordsDeleted"),
    (2, "recordsAdded"),
    (3, "recordsModified"),
];
pub const CHANGE_FORMATS: Names = &[
    (0, "refreshEntireRepository"),
    (1, "formatIsPDRTypes"),
    (2, "formatIsPDRHandles"),
];
pub const OPERATIONAL_STATES: Names = &[
    (0, "enabled"),
    (1, "disabled"),
    (2, "unavailable"),
    (3, "statusUnknown"),
    (4, "failed"),
    (5, "initializing"),
    (6, "shuttingDown"),
    (7, "inTest"),
];
pub const EFFECTER_STATES: Names = &[
    (0, "enabled-updatePending"),
    (1, "enabled-noUpdatePending"),
    (2, "disabled"),
    (3, "unavailable"),
    (4, "statusUnknown"),
    (5, "failed"),
    (6, "initializing"),
    (7, "shuttingDown"),
    (8, "inTest"),
];
pub const EVENT_ENABLES: Names = &[
    (0, "noEventGeneration"),
    (1, "eventsDisabled"),
    (2, "eventsEnabled"),
    (3, "opEventsOnlyEnabled"),
    (4, "stateEventsOnlyEnabled"),
];
pub const NUMERIC_STATES: Names = &[
    (0, "Unknown"),
    (1, "Normal"),
    (2, "Warning"),
    (3, "Critical"),
    (4, "Fatal"),
    (5, "LowerWarning"),
    (6, "LowerCritical"),
    (7, "LowerFatal"),
    (8, "UpperWarning"),
    (9, "UpperCritical"),
    (10, "UpperFatal"),
];
pub const DATA_SIZES: Names = &[
    (0, "uint8"),
    (1, "sint8"),
    (2, "uint16"),
    (3, "sint16"),
    (4, "uint32"),
    (5, "sint32"),
];
pub const REPOSITORY_STATES: Names =
    &[(0, "available"), (1, "updateInProgress"), (2, "failed")];
pub const SET_REQUESTS: Names = &[(0, "noChange"), (1, "requestSet")];
