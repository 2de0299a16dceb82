//! NVMe-MI messages over MCTP (NVM Express Management Interface 1.2, DSP0235;
//! little-endian): headers, requests field by field.
//!
//! Message byte 0 is the MCTP type (0x84, the IC bit set), byte 1 has ROR,
//! NMIMT and the command slot. A response does not say what it answers: its
//! data is bytes. The CRC-32C behind it is [`super::mctp::INTEGRITY`].

mod names;

use super::layout::{Item, Kind, Names};

pub use names::TYPES;
use names::{
    ADMIN_OPCODES, CONFIGURATIONS, CONTROL_OPCODES, CONTROLLER_FLAGS,
    DATA_STRUCTURES, FEATURES, FREQUENCIES, HEALTH_CHANGES, LOG_PAGES,
    MI_OPCODES, PCIE_OPCODES, PROPERTIES, RORS, SELECTS, STATUSES, STRUCTURES,
};

const fn zero(name: &'static str, bytes: usize) -> Item {
    Item::reserved(name, Kind::Bytes(bytes))
}

/// A whole message after its type byte.
pub const MESSAGE: &[Item] = &[
    // Who makes a message of fields answers.
    Item::bits("ror", 7, 7).named(RORS).or(1),
    Item::bits("nmimt", 6, 3).named(TYPES),
    Item::bits("reserved", 2, 1).or(0),
    Item::bits("csi", 0, 0).or(0),
    Item::bits("reserved2", 7, 2).or(0),
    Item::bits("ciap", 1, 1).or(0),
    Item::bits("meb", 0, 0).or(0),
    Item::new("reserved3", Kind::U8).or(0),
    Item::switch(
        "ror",
        &[(0, REQUEST)],
        &[
            Item::new("status", Kind::U8).named(STATUSES),
            Item::switch(
                "status",
                &[(0, SUCCESS), (1, MORE_PROCESSING), (4, INVALID_PARAMETER)],
                &[zero("reserved4", 3)],
            ),
        ],
    ),
];

const DATA: Item = Item::new("data", Kind::Rest);

/// What the commands of a message type are called.
pub fn opcodes(nmimt: u64) -> Names {
    match nmimt {
        0 => CONTROL_OPCODES,
        1 => MI_OPCODES,
        2 => ADMIN_OPCODES,
        4 => PCIE_OPCODES,
        _ => &[],
    }
}

const REQUEST: &[Item] = &[Item::switch(
    "nmimt",
    &[(0, CONTROL), (1, MI), (2, ADMIN), (4, PCIE)],
    &[DATA],
)];

/// No data follows a control primitive, in neither direction.
const CONTROL: &[Item] = &[
    Item::new("opcode", Kind::U8).named(CONTROL_OPCODES),
    Item::new("tag", Kind::U8).or(0),
    Item::new("cpsp", Kind::U16Le).or(0),
];

const MI: &[Item] = &[
    Item::new("opcode", Kind::U8).named(MI_OPCODES),
    zero("reserved4", 3),
    Item::switch(
        "opcode",
        &[
            (0x00, READ_DATA_STRUCTURE),
            (0x01, SUBSYSTEM_HEALTH),
            (0x02, CONTROLLER_HEALTH),
            (0x03, CONFIGURATION),
            (0x04, CONFIGURATION),
            // Read, reset, receive, shutdown: all they say is in the dwords.
            (0x05, DWORDS),
            (0x07, DWORDS),
            (0x0a, DWORDS),
            (0x0c, DWORDS),
        ],
        &[CDW0, CDW1, DATA],
    ),
];

const CDW0: Item = Item::new("cdw0", Kind::U32Le).or(0);
const CDW1: Item = Item::new("cdw1", Kind::U32Le).or(0);
const DWORDS: &[Item] = &[CDW0, CDW1];

const READ_DATA_STRUCTURE: &[Item] = &[
    Item::new("ctrlid", Kind::U16Le).or(0),
    Item::new("portid", Kind::U8).or(0),
    Item::new("dtyp", Kind::U8).named(DATA_STRUCTURES).brief("{}"),
    Item::new("iocsi", Kind::U8).or(0),
    zero("reserved5", 3),
];

const SUBSYSTEM_HEALTH: &[Item] = &[
    zero("reserved5", 7),
    Item::bits("clear_status", 7, 7).or(0),
    Item::bits("reserved6", 6, 0).or(0),
];

const CONTROLLER_HEALTH: &[Item] = &[
    Item::new("sctlid", Kind::U16Le).or(0),
    Item::new("maxrent", Kind::U8).or(0),
    Item::new("functions", Kind::BitSet(1)).named(CONTROLLER_FLAGS).or(0),
    Item::new("properties", Kind::BitSet(4)).named(PROPERTIES).or(0),
];

/// Set and Get. What is set of asynchronous events follows as data.
const CONFIGURATION: &[Item] = &[
    Item::new("configuration", Kind::U8).named(CONFIGURATIONS).brief("{}"),
    Item::switch(
        "configuration",
        &[
            (
                0x01,
                &[
                    Item::bits("reserved5", 7, 4).or(0),
                    Item::bits("frequency", 3, 0).named(FREQUENCIES).or(0),
                    Item::new("reserved6", Kind::U8).or(0),
                    Item::new("portid", Kind::U8).or(0),
                    zero("reserved7", 4),
                ],
            ),
            (
                0x02,
                &[
                    zero("reserved5", 3),
                    Item::new("health_changes", Kind::BitSet(4))
                        .named(HEALTH_CHANGES)
                        .or(0),
                ],
            ),
            (
                0x03,
                &[
                    zero("reserved5", 2),
                    Item::new("portid", Kind::U8).or(0),
                    Item::new("transmission_unit", Kind::U16Le).or(0),
                    zero("reserved6", 2),
                ],
            ),
        ],
        &[zero("cdw0_rest", 3), CDW1, DATA],
    ),
];

/// Submission queue entry without its pointers, `dlen` bytes from `doff` on.
const ADMIN: &[Item] = &[
    Item::new("opcode", Kind::U8).named(ADMIN_OPCODES),
    Item::new("flags", Kind::BitSet(1))
        .named(&[(0, "DLENV"), (1, "DOFSTV"), (2, "ISH")])
        .or(0),
    Item::new("ctrlid", Kind::U16Le).or(0).brief("controller {}"),
    Item::new("sqedw1", Kind::U32Le).or(0),
    Item::new("sqedw2", Kind::U32Le).or(0),
    Item::new("sqedw3", Kind::U32Le).or(0),
    Item::new("sqedw4", Kind::U32Le).or(0),
    Item::new("sqedw5", Kind::U32Le).or(0),
    Item::new("doff", Kind::U32Le).or(0),
    Item::new("dlen", Kind::U32Le).or(0),
    zero("reserved4", 8),
    Item::switch(
        "opcode",
        &[(0x02, LOG_PAGE), (0x06, IDENTIFY), (0x09, FEATURE), (0x0a, FEATURE)],
        &[Item::new("sqedw10", Kind::U32Le).or(0)],
    ),
    Item::new("sqedw11", Kind::U32Le).or(0),
    Item::new("sqedw12", Kind::U32Le).or(0),
    Item::new("sqedw13", Kind::U32Le).or(0),
    Item::new("sqedw14", Kind::U32Le).or(0),
    Item::new("sqedw15", Kind::U32Le).or(0),
    DATA,
];

/// Dword 10 of Get Log Page (NVMe 1.4 §5.14).
const LOG_PAGE: &[Item] = &[
    Item::new("lid", Kind::U8).named(LOG_PAGES).brief("{}"),
    Item::bits("rae", 7, 7).or(0),
    Item::bits("lsp", 6, 0).or(0),
    Item::new("numdl", Kind::U16Le).or(0),
];

/// Dword 10 of Identify (NVMe 1.4 §5.15).
const IDENTIFY: &[Item] = &[
    Item::new("cns", Kind::U8).named(STRUCTURES).brief("{}"),
    Item::new("reserved5", Kind::U8).or(0),
    Item::new("cntid", Kind::U16Le).or(0),
];

/// Dword 10 of Get and Set Features (NVMe 1.4 §5.13, §5.21).
const FEATURE: &[Item] = &[
    Item::new("fid", Kind::U8).named(FEATURES).brief("{}"),
    Item::bits("reserved5", 7, 3).or(0),
    Item::bits("sel", 2, 0).named(SELECTS).or(0),
    Item::new("reserved6", Kind::U8).or(0),
    Item::bits("sv", 7, 7).or(0),
    Item::bits("reserved7", 6, 0).or(0),
];

const PCIE: &[Item] = &[
    Item::new("opcode", Kind::U8).named(PCIE_OPCODES),
    Item::new("reserved4", Kind::U8).or(0),
    Item::new("ctrlid", Kind::U16Le).or(0).brief("controller {}"),
    Item::new("cdw0", Kind::U32Le).or(0),
    Item::new("cdw1", Kind::U32Le).or(0),
    Item::new("cdw2", Kind::U32Le).or(0),
    DATA,
];

const SUCCESS: &[Item] = &[Item::switch(
    "nmimt",
    &[
        (
            0,
            &[
                Item::new("tag", Kind::U8).or(0),
                Item::new("cpsr", Kind::U16Le).or(0),
            ],
        ),
        (
            2,
            &[
                zero("reserved4", 3),
                Item::new("cqedw0", Kind::U32Le).or(0),
                Item::new("cqedw1", Kind::U32Le).or(0),
                Item::new("cqedw3", Kind::U32Le).or(0),
                DATA,
            ],
        ),
        (4, &[zero("reserved4", 3), DATA]),
    ],
    &[zero("nmresp", 3), DATA.brief("{}")],
)];

/// Milliseconds are hundreds: when the response is to be expected.
const MORE_PROCESSING: &[Item] = &[
    Item::new("reserved4", Kind::U8).or(0),
    Item::new("mprt", Kind::U16Le).or(0).brief("in {} x 100 ms"),
];

/// Which bit of which byte of the request is wrong; 0 and 0 if none is told.
const INVALID_PARAMETER: &[Item] = &[
    Item::bits("reserved4", 7, 3).or(0),
    Item::bits("parameter_bit", 2, 0).or(0),
    Item::new("parameter_byte", Kind::U16Le).or(0),
];

#[cfg(test)]
mod tests;
