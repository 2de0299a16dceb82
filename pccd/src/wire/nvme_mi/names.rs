//! What NVMe-MI calls its codes and bits.

use crate::wire::layout::Names;

pub const RORS: Names = &[(0, "request"), (1, "response")];

pub const TYPES: Names = &[
    (0, "Control Primitive"),
    (1, "NVMe-MI Command"),
    (2, "NVMe Admin Command"),
    (4, "PCIe Command"),
    (5, "Asynchronous Event"),
];

pub const CONTROL_OPCODES: Names = &[
    (0x00, "Pause"),
    (0x01, "Resume"),
    (0x02, "Abort"),
    (0x03, "Get State"),
    (0x04, "Replay"),
];

/// Commands of the management interface.
pub const MI_OPCODES: Names = &[
    (0x00, "Read NVMe-MI Data Structure"),
    (0x01, "NVM Subsystem Health Status Poll"),
    (0x02, "Controller Health Status Poll"),
    (0x03, "Configuration Set"),
    (0x04, "Configuration Get"),
    (0x05, "VPD Read"),
    (0x06, "VPD Write"),
    (0x07, "Reset"),
    (0x08, "SES Receive"),
    (0x09, "SES Send"),
    (0x0a, "Management Endpoint Buffer Read"),
    (0x0b, "Management Endpoint Buffer Write"),
    (0x0c, "Shutdown"),
];

pub const ADMIN_OPCODES: Names = &[
    (0x02, "Get Log Page"),
    (0x06, "Identify"),
    (0x09, "Set Features"),
    (0x0a, "Get Features"),
    (0x0d, "Namespace Management"),
    (0x10, "Firmware Commit"),
    (0x11, "Firmware Image Download"),
    (0x14, "Device Self-test"),
    (0x15, "Namespace Attachment"),
    (0x19, "Directive Send"),
    (0x1a, "Directive Receive"),
    (0x1c, "Virtualization Management"),
    (0x80, "Format NVM"),
    (0x81, "Security Send"),
    (0x82, "Security Receive"),
    (0x84, "Sanitize"),
    (0x86, "Get LBA Status"),
];

/// Log pages (NVMe 1.4 §5.14.1).
pub const LOG_PAGES: Names = &[
    (0x00, "Supported Log Pages"),
    (0x01, "Error Information"),
    (0x02, "SMART / Health Information"),
    (0x03, "Firmware Slot Information"),
    (0x04, "Changed Namespace List"),
    (0x05, "Commands Supported and Effects"),
    (0x06, "Device Self-test"),
    (0x07, "Telemetry Host-Initiated"),
    (0x08, "Telemetry Controller-Initiated"),
    (0x09, "Endurance Group Information"),
    (0x0d, "Persistent Event Log"),
    (0x80, "Reservation Notification"),
    (0x81, "Sanitize Status"),
];

/// What is identified (NVMe 1.4 §5.15.2).
pub const STRUCTURES: Names = &[
    (0x00, "Namespace"),
    (0x01, "Controller"),
    (0x02, "Active Namespace ID list"),
    (0x03, "Namespace Identification Descriptor list"),
    (0x10, "Allocated Namespace ID list"),
    (0x11, "Allocated Namespace"),
    (0x12, "Controller list of a namespace"),
    (0x13, "Controller list of the subsystem"),
    (0x14, "Primary Controller Capabilities"),
    (0x15, "Secondary Controller list"),
];

/// Features (NVMe 1.4 §5.21.1).
pub const FEATURES: Names = &[
    (0x01, "Arbitration"),
    (0x02, "Power Management"),
    (0x03, "LBA Range Type"),
    (0x04, "Temperature Threshold"),
    (0x05, "Error Recovery"),
    (0x06, "Volatile Write Cache"),
    (0x07, "Number of Queues"),
    (0x08, "Interrupt Coalescing"),
    (0x09, "Interrupt Vector Configuration"),
    (0x0a, "Write Atomicity Normal"),
    (0x0b, "Asynchronous Event Configuration"),
    (0x0c, "Autonomous Power State Transition"),
    (0x0e, "Timestamp"),
    (0x10, "Host Controlled Thermal Management"),
];

/// Which value of a feature is asked for.
pub const SELECTS: Names =
    &[(0, "current"), (1, "default"), (2, "saved"), (3, "capabilities")];

pub const PCIE_OPCODES: Names = &[
    (0x00, "PCIe Configuration Read"),
    (0x01, "PCIe Configuration Write"),
    (0x02, "PCIe Memory Read"),
    (0x03, "PCIe Memory Write"),
    (0x04, "PCIe I/O Read"),
    (0x05, "PCIe I/O Write"),
];

pub const STATUSES: Names = &[
    (0x00, "Success"),
    (0x01, "More Processing Required"),
    (0x02, "Internal Error"),
    (0x03, "Invalid Command Opcode"),
    (0x04, "Invalid Parameter"),
    (0x05, "Invalid Command Size"),
    (0x06, "Invalid Command Input Data Size"),
    (0x07, "Access Denied"),
    (0x20, "VPD Updates Exceeded"),
    (0x21, "PCIe Inaccessible"),
    (0x22, "Management Endpoint Buffer Cleared Due to Sanitize"),
    (0x23, "Enclosure Services Failure"),
    (0x24, "Enclosure Services Transfer Failure"),
    (0x25, "Enclosure Failure"),
    (0x26, "Enclosure Services Transfer Refused"),
    (0x27, "Unsupported Enclosure Function"),
    (0x28, "Enclosure Services Unavailable"),
    (0x29, "Enclosure Degraded"),
    (0x2a, "Sanitize In Progress"),
];

pub const DATA_STRUCTURES: Names = &[
    (0x00, "NVM Subsystem Information"),
    (0x01, "Port Information"),
    (0x02, "Controller List"),
    (0x03, "Controller Information"),
    (0x04, "Optionally Supported Command List"),
    (0x05, "Management Endpoint Buffer Command Support List"),
];

/// Which controllers a health status poll is about.
pub const CONTROLLER_FLAGS: Names =
    &[(0, "INCF"), (1, "INCPF"), (2, "INCVF"), (7, "ALL")];

/// Changes of which a health status poll is to tell.
pub const PROPERTIES: Names = &[
    (0, "CSTS"),
    (1, "CTEMP"),
    (2, "PDLU"),
    (3, "SPARE"),
    (4, "CWARN"),
    (31, "CCF"),
];

pub const CONFIGURATIONS: Names = &[
    (0x01, "SMBus/I2C Frequency"),
    (0x02, "Health Status Change"),
    (0x03, "MCTP Transmission Unit Size"),
    (0x04, "Asynchronous Event"),
];

pub const FREQUENCIES: Names =
    &[(0, "none"), (1, "100 kHz"), (2, "400 kHz"), (3, "1 MHz")];

/// Bits of the Composite Controller Status, to be cleared.
pub const HEALTH_CHANGES: Names = &[
    (0, "RDY"),
    (1, "CFS"),
    (2, "SHST"),
    (4, "NSSRO"),
    (5, "CECO"),
    (6, "NAC"),
    (7, "FA"),
    (8, "CSTS"),
    (9, "CTEMP"),
    (10, "PDLU"),
    (11, "SPARE"),
    (12, "CWARN"),
];
