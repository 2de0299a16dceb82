//! The PCCT's fields (ACPI 6.5 §14.1), as data.

use crate::field::{Field, Impact, Kind, field};

/// A structure: its name and its fields.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Name for people.
    pub name: &'static str,
    /// Bytes of the fixed part.
    pub length: usize,
    /// The fields, in the order of their offsets.
    pub fields: &'static [Field],
}

/// Offset of the first subspace.
pub const SUBSPACES: usize = 48;

use Impact::{Breaks, Cosmetic, Risky};

pub(super) const fn reserved(offset: usize, width: usize) -> Field {
    let why = "no reader may look at it";
    let meaning = "reserved, zero";
    field("reserved", offset, Kind::Reserved(width), meaning, Cosmetic, why)
}

const fn kind() -> Field {
    field(
        "type",
        0,
        Kind::Code(
            1,
            &[
                (0, "generic"),
                (1, "hardware-reduced"),
                (2, "hardware-reduced with acknowledge"),
                (3, "extended, initiator"),
                (4, "extended, responder"),
                (5, "hardware registers"),
            ],
        ),
        "type of the subspace",
        Breaks,
        "another type has another protocol",
    )
}

const fn length() -> Field {
    let why = "the next subspace begins elsewhere";
    let meaning = "bytes of this structure";
    field("length", 1, Kind::Size(1), meaning, Cosmetic, why)
}

const fn gsiv() -> Field {
    let why = "the driver waits for another interrupt";
    let meaning = "interrupt the platform raises";
    field("gsiv", 2, Kind::Gsiv, meaning, Breaks, why)
}

const fn flags() -> Field {
    field(
        "interrupt_flags",
        6,
        Kind::Bits(
            1,
            &[(0, "active low", "active high"), (1, "edge", "level")],
        ),
        "polarity and trigger of the interrupt",
        Breaks,
        "the interrupt controller is set up in another way",
    )
}

const fn base(offset: usize) -> Field {
    let why = "a driver built against the old table reads other memory";
    let meaning = "address of the shared memory";
    field("base_address", offset, Kind::Address, meaning, Breaks, why)
}

const fn size(offset: usize, width: usize) -> Field {
    let why = "messages that fitted may fit no longer, or more are sent \
        than the other side takes";
    let meaning = "bytes of the shared memory, header included";
    field("memory_length", offset, Kind::Size(width), meaning, Risky, why)
}

const fn register(
    name: &'static str,
    offset: usize,
    meaning: &'static str,
) -> Field {
    let why = "a driver accesses another register, or in another way";
    field(name, offset, Kind::Register, meaning, Breaks, why)
}

const fn mask(
    name: &'static str,
    offset: usize,
    meaning: &'static str,
) -> Field {
    let why = "other bits of the register are written or tested";
    field(name, offset, Kind::Mask, meaning, Breaks, why)
}

const fn latency(offset: usize) -> Field {
    let why = "Linux waits 500 times as long before it gives up: a lower \
        value turns slow answers into timeouts, a higher one hides them";
    let meaning = "typical time of a command";
    field("nominal_latency", offset, Kind::Micros(4), meaning, Risky, why)
}

const fn rate(offset: usize) -> Field {
    let why = "periodic users send at another pace";
    let meaning = "periodic commands allowed";
    field("max_periodic_rate", offset, Kind::PerMinute, meaning, Risky, why)
}

const fn turnaround(offset: usize, width: usize) -> Field {
    let why = "the next command follows sooner or later than before";
    let meaning = "pause after a completion before the next command";
    let kind = Kind::Micros(width);
    field("min_turnaround", offset, kind, meaning, Risky, why)
}

/// Header of the PCCT after the common one.
pub const TABLE: &[Field] = &[
    field(
        "flags",
        36,
        Kind::Bits(4, &[(0, "platform interrupt", "polled")]),
        "whether the platform can raise interrupts",
        Breaks,
        "drivers wait for interrupts with the flag and poll without",
    ),
    reserved(40, 8),
];

const GENERIC: Layout = Layout {
    name: "generic",
    length: 62,
    fields: &[
        kind(),
        length(),
        reserved(2, 6),
        base(8),
        size(16, 8),
        register("doorbell_register", 24, "rung to send a command"),
        mask("doorbell_preserve", 36, "bits kept when ringing"),
        mask("doorbell_write", 44, "bits set when ringing"),
        latency(52),
        rate(56),
        turnaround(60, 2),
    ],
};

const REDUCED: Layout = Layout {
    name: "hardware-reduced",
    length: 62,
    fields: &[
        kind(),
        length(),
        gsiv(),
        flags(),
        reserved(7, 1),
        base(8),
        size(16, 8),
        register("doorbell_register", 24, "rung to send a command"),
        mask("doorbell_preserve", 36, "bits kept when ringing"),
        mask("doorbell_write", 44, "bits set when ringing"),
        latency(52),
        rate(56),
        turnaround(60, 2),
    ],
};

const ACKNOWLEDGED: Layout = Layout {
    name: "hardware-reduced with acknowledge",
    length: 90,
    fields: &[
        kind(),
        length(),
        gsiv(),
        flags(),
        reserved(7, 1),
        base(8),
        size(16, 8),
        register("doorbell_register", 24, "rung to send a command"),
        mask("doorbell_preserve", 36, "bits kept when ringing"),
        mask("doorbell_write", 44, "bits set when ringing"),
        latency(52),
        rate(56),
        turnaround(60, 2),
        register("ack_register", 62, "acknowledges the interrupt"),
        mask("ack_preserve", 74, "bits kept when acknowledging"),
        mask("ack_set", 82, "bits set when acknowledging"),
    ],
};

const EXTENDED: &[Field] = &[
    kind(),
    length(),
    gsiv(),
    flags(),
    reserved(7, 1),
    base(8),
    size(16, 4),
    register("doorbell_register", 20, "rung to send a command"),
    mask("doorbell_preserve", 32, "bits kept when ringing"),
    mask("doorbell_write", 40, "bits set when ringing"),
    latency(48),
    rate(52),
    turnaround(56, 4),
    register("ack_register", 60, "acknowledges the interrupt"),
    mask("ack_preserve", 72, "bits kept when acknowledging"),
    mask("ack_set", 80, "bits set when acknowledging"),
    reserved(88, 8),
    register("check_register", 96, "tells who owns the shared memory"),
    mask("check_mask", 108, "the command complete bit"),
    register("update_register", 116, "hands the shared memory over"),
    mask("update_preserve", 128, "bits kept when handing over"),
    mask("update_set", 136, "bits set when handing over"),
    register("error_register", 144, "tells that a command failed"),
    mask("error_mask", 156, "the error bits"),
];

const INITIATOR: Layout =
    Layout { name: "extended, initiator", length: 164, fields: EXTENDED };

const RESPONDER: Layout =
    Layout { name: "extended, responder", length: 164, fields: EXTENDED };

const REGISTERS: Layout = Layout {
    name: "hardware registers",
    length: 96,
    fields: &[
        kind(),
        length(),
        field(
            "version",
            2,
            Kind::Number(2),
            "version of this structure",
            Breaks,
            "a reader may know only the other version",
        ),
        base(4),
        size(12, 8),
        register("doorbell_register", 20, "carries the command"),
        mask("doorbell_preserve", 32, "bits kept when ringing"),
        mask("doorbell_write", 40, "the command"),
        register("check_register", 48, "tells that the platform is busy"),
        mask("check_mask", 60, "the busy bits: zero is complete"),
        register("error_register", 68, "tells that a command failed"),
        mask("error_mask", 80, "the error bits"),
        latency(88),
        turnaround(92, 4),
    ],
};

/// The layout of a subspace type.
pub const fn of(kind: u8) -> Option<&'static Layout> {
    match kind {
        0 => Some(&GENERIC),
        1 => Some(&REDUCED),
        2 => Some(&ACKNOWLEDGED),
        3 => Some(&INITIATOR),
        4 => Some(&RESPONDER),
        5 => Some(&REGISTERS),
        _ => None,
    }
}

/// All types that have a layout.
pub const TYPES: std::ops::Range<u8> = 0..6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_fill_their_structure_without_gap() {
        for kind in TYPES {
            let layout = of(kind).unwrap();
            let mut at = 0;
            for field in layout.fields {
                assert_eq!(field.offset, at, "type {kind}: {}", field.name);
                at += field.kind.width();
            }
            assert_eq!(at, layout.length, "type {kind}");
        }
        assert!(of(TYPES.end).is_none());
    }

    #[test]
    fn the_table_s_own_fields_end_where_subspaces_begin() {
        assert_eq!(TABLE[0].offset, crate::table::header::LENGTH);
        assert_eq!(TABLE[1].offset + TABLE[1].kind.width(), SUBSPACES);
    }
}
