//! Platform descriptor records (DSP0248 §28): what the sensors are. The
//! types that are not here keep their bytes.

use crate::wire::layout::{Item, Kind, Names};

const TYPES: Names = &[
    (1, "Terminus Locator"),
    (2, "Numeric Sensor"),
    (4, "State Sensor"),
    (6, "Sensor Auxiliary Names"),
    (9, "Numeric Effecter"),
    (11, "State Effecter"),
    (15, "Entity Association"),
    (16, "Entity Auxiliary Names"),
    (20, "FRU Record Set"),
    (21, "Compact Numeric Sensor"),
    (30, "File Descriptor"),
    (127, "OEM"),
];
const UNITS: Names = &[
    (0, "None"),
    (2, "Degrees C"),
    (4, "Kelvins"),
    (5, "Volts"),
    (6, "Amps"),
    (7, "Watts"),
    (8, "Joules"),
    (19, "RPM"),
    (20, "Hertz"),
    (21, "Seconds"),
    (255, "OEMUnit"),
];
const DATA_SIZES: Names = &[
    (0, "uint8"),
    (1, "sint8"),
    (2, "uint16"),
    (3, "sint16"),
    (4, "uint32"),
    (5, "sint32"),
    (6, "real32"),
];
const LOCATORS: Names =
    &[(0, "UID"), (1, "MCTP_EID"), (2, "SMBusRelative"), (3, "systemSoftware")];
const VALIDITY: Names = &[(0, "notValid"), (1, "valid")];

/// A number whose size another field names.
macro_rules! sized {
    ($item:expr, $on:literal) => {
        $crate::wire::layout::Item::switch(
            $on,
            &[
                (0, &[$item.of(Kind::U8)]),
                (1, &[$item.of(Kind::S8)]),
                (2, &[$item.of(Kind::U16Le)]),
                (3, &[$item.of(Kind::S16Le)]),
                (4, &[$item.of(Kind::U32Le)]),
                (5, &[$item.of(Kind::S32Le)]),
                (6, &[$item.of(Kind::F32Le)]),
            ],
            &[],
        )
    };
}
pub(super) use sized;

const TERMINUS: Item = Item::new("terminus_handle", Kind::U16Le).or(0);
const SENSOR: Item = Item::new("sensor_id", Kind::U16Le);
const ENTITY_TYPE: Item = Item::new("entity_type", Kind::U16Le).or(0);
const ENTITY: Item = Item::new("entity_instance_number", Kind::U16Le).or(0);
const CONTAINER: Item = Item::new("container_id", Kind::U16Le).or(0);
const INIT: Item = Item::new("sensor_init", Kind::U8).or(0);
const AUXILIARY: Item = Item::new("sensor_auxiliary_names_pdr", Kind::U8).or(0);
const BASE_UNIT: Item = Item::new("base_unit", Kind::U8).named(UNITS);

const LOCATOR: &[Item] = &[
    TERMINUS,
    Item::new("validity", Kind::U8).named(VALIDITY).or(1),
    Item::new("tid", Kind::U8),
    CONTAINER,
    Item::new("terminus_locator_type", Kind::U8).named(LOCATORS).or(1),
    Item::new("terminus_locator_value_size", Kind::Count(1)),
    Item::new("terminus_locator_value", Kind::Rest)
        .counted("terminus_locator_value_size"),
];

/// A value of the range fields.
macro_rules! ranged {
    ($name:literal) => {
        sized!(Item::new($name, Kind::U8), "range_field_format")
    };
}

const NUMERIC_SENSOR: &[Item] = &[
    TERMINUS,
    SENSOR,
    ENTITY_TYPE,
    ENTITY,
    CONTAINER,
    INIT,
    AUXILIARY,
    BASE_UNIT,
    Item::new("unit_modifier", Kind::S8).or(0),
    Item::new("rate_unit", Kind::U8).or(0),
    Item::new("base_oem_unit_handle", Kind::U8).or(0),
    Item::new("aux_unit", Kind::U8).named(UNITS).or(0),
    Item::new("aux_unit_modifier", Kind::S8).or(0),
    Item::new("aux_rate_unit", Kind::U8).or(0),
    Item::new("rel", Kind::U8).or(0),
    Item::new("aux_oem_unit_handle", Kind::U8).or(0),
    Item::new("is_linear", Kind::U8).or(1),
    Item::new("sensor_data_size", Kind::U8).named(DATA_SIZES),
    Item::new("resolution", Kind::F32Le).or(0x3f80_0000),
    Item::new("offset", Kind::F32Le).or(0),
    Item::new("accuracy", Kind::U16Le).or(0),
    Item::new("plus_tolerance", Kind::U8).or(0),
    Item::new("minus_tolerance", Kind::U8).or(0),
    sized!(Item::new("hysteresis", Kind::U8), "sensor_data_size"),
    Item::new("supported_thresholds", Kind::U8).or(0),
    Item::new("threshold_and_hysteresis_volatility", Kind::U8).or(0),
    Item::new("state_transition_interval", Kind::F32Le).or(0),
    Item::new("update_interval", Kind::F32Le).or(0x3f80_0000),
    sized!(Item::new("max_readable", Kind::U8), "sensor_data_size"),
    sized!(Item::new("min_readable", Kind::U8), "sensor_data_size"),
    Item::new("range_field_format", Kind::U8).named(DATA_SIZES),
    Item::new("range_field_support", Kind::U8).or(0),
    ranged!("nominal_value"),
    ranged!("normal_max"),
    ranged!("normal_min"),
    ranged!("warning_high"),
    ranged!("warning_low"),
    ranged!("critical_high"),
    ranged!("critical_low"),
    ranged!("fatal_high"),
    ranged!("fatal_low"),
];

const STATE_SENSOR: &[Item] = &[
    TERMINUS,
    SENSOR,
    ENTITY_TYPE,
    ENTITY,
    CONTAINER,
    INIT,
    AUXILIARY,
    Item::new("composite_sensor_count", Kind::Count(1)),
    Item::repeat(&[
        Item::new("state_set_id", Kind::U16Le),
        Item::new("possible_states_size", Kind::Count(1)),
        Item::new("possible_states", Kind::Rest)
            .counted("possible_states_size"),
    ])
    .counted("composite_sensor_count"),
];

const FRU_RECORD_SET: &[Item] = &[
    TERMINUS,
    Item::new("fru_record_set_identifier", Kind::U16Le),
    ENTITY_TYPE,
    ENTITY,
    CONTAINER,
];

const COMPACT_NUMERIC_SENSOR: &[Item] = &[
    TERMINUS,
    SENSOR,
    ENTITY_TYPE,
    ENTITY,
    CONTAINER,
    Item::new("sensor_name_length", Kind::Count(1)),
    BASE_UNIT,
    Item::new("unit_modifier", Kind::S8).or(0),
    Item::new("occurrence_rate", Kind::U8).or(0),
    Item::new("range_field_support", Kind::U8).or(0),
    Item::new("warning_high", Kind::S32Le).or(0),
    Item::new("warning_low", Kind::S32Le).or(0),
    Item::new("critical_high", Kind::S32Le).or(0),
    Item::new("critical_low", Kind::S32Le).or(0),
    Item::new("fatal_high", Kind::S32Le).or(0),
    Item::new("fatal_low", Kind::S32Le).or(0),
    Item::new("sensor_name", Kind::Rest).counted("sensor_name_length"),
];

/// A whole record: the common header, then the fields of its type.
pub const RECORD: &[Item] = &[
    Item::new("record_handle", Kind::U32Le),
    Item::new("pdr_header_version", Kind::U8).or(1),
    Item::new("pdr_type", Kind::U8).named(TYPES).brief("{} PDR"),
    Item::new("record_change_number", Kind::U16Le).or(0),
    Item::new("data_length", Kind::Length { size: 2, plus: 0 }),
    Item::switch(
        "pdr_type",
        &[
            (1, LOCATOR),
            (2, NUMERIC_SENSOR),
            (4, STATE_SENSOR),
            (20, FRU_RECORD_SET),
            (21, COMPACT_NUMERIC_SENSOR),
        ],
        &[Item::new("pdr_data", Kind::Rest)],
    ),
];
