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
