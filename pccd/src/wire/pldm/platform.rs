//! PLDM for platform monitoring and control, type 2 (DSP0248).

mod names;

use self::names::{
    CHANGE_FORMATS, CHANGES, DATA_SIZES, EFFECTER_STATES, EVENT_CLASSES,
    EVENT_ENABLES, EVENT_STATUS, GLOBAL_ENABLES, NUMERIC_STATES,
    OPERATIONAL_STATES, REPOSITORY_STATES, SENSOR_EVENTS, SET_REQUESTS,
    TRANSFER_FLAGS, TRANSFER_OPERATIONS, TRANSPORTS,
};
use super::codes::{DATA, codes_of};
use super::pdr::{self, sized};
use crate::wire::checksum::Checksum;
use crate::wire::layout::{Item, Kind, Names};

pub const COMMANDS: Names = &[
    (0x03, "GetTerminusUID"),
    (0x04, "SetEventReceiver"),
    (0x05, "GetEventReceiver"),
    (0x0a, "PlatformEventMessage"),
    (0x0b, "PollForPlatformEventMessage"),
    (0x0c, "EventMessageSupported"),
    (0x0d, "EventMessageBufferSize"),
    (0x10, "SetNumericSensorEnable"),
    (0x11, "GetSensorReading"),
    (0x20, "SetStateSensorEnables"),
    (0x21, "GetStateSensorReadings"),
    (0x31, "SetNumericEffecterValue"),
    (0x32, "GetNumericEffecterValue"),
    (0x39, "SetStateEffecterStates"),
    (0x3a, "GetStateEffecterStates"),
    (0x50, "GetPDRRepositoryInfo"),
    (0x51, "GetPDR"),
];

const SENSOR_ID: Item = Item::new("sensor_id", Kind::U16Le).brief("sensor {}");
const EFFECTER_ID: Item =
    Item::new("effecter_id", Kind::U16Le).brief("effecter {}");
const OPERATIONAL_STATE: Item =
    Item::new("sensor_operational_state", Kind::U8).named(OPERATIONAL_STATES);
const EVENT_ENABLE: Item =
    Item::new("sensor_event_message_enable", Kind::U8).named(EVENT_ENABLES);
const READING_VALUE: Item =
    Item::new("present_reading", Kind::U8).brief("reading {}");
const FORMAT: Item = Item::new("format_version", Kind::U8).or(1);
const TID: Item = Item::new("tid", Kind::U8);
const EVENT_CLASS: Item =
    Item::new("event_class", Kind::U8).named(EVENT_CLASSES).brief("{}");
const SENSORS: Item = Item::new("composite_sensor_count", Kind::Count(1));
const EFFECTERS: Item = Item::new("composite_effecter_count", Kind::Count(1));
const NEXT_HANDLE: Item =
    Item::new("next_data_transfer_handle", Kind::U32Le).or(0);
const FLAG: Item =
    Item::new("transfer_flag", Kind::U8).named(TRANSFER_FLAGS).or(5);

/// The data of an event, by its class.
const EVENT: Item = Item::switch(
    "event_class",
    &[(0, SENSOR_EVENT), (4, REPOSITORY_CHANGE), (5, POLL), (6, HEARTBEAT)],
    &[Item::new("event_data", Kind::Rest).brief("{}")],
);
const SENSOR_EVENT: &[Item] = &[
    SENSOR_ID,
    Item::new("sensor_event_class", Kind::U8).named(SENSOR_EVENTS),
    Item::switch(
        "sensor_event_class",
        &[
            (
                0,
                &[
                    Item::new("present_op_state", Kind::U8)
                        .named(OPERATIONAL_STATES)
                        .brief("{}"),
                    Item::new("previous_op_state", Kind::U8)
                        .named(OPERATIONAL_STATES),
                ],
            ),
            (
                1,
                &[
                    Item::new("sensor_offset", Kind::U8),
                    Item::new("event_state", Kind::U8).brief("state {}"),
                    Item::new("previous_event_state", Kind::U8),
                ],
            ),
            (
                2,
                &[
                    Item::new("event_state", Kind::U8)
                        .named(NUMERIC_STATES)
                        .brief("{}"),
                    Item::new("previous_event_state", Kind::U8)
                        .named(NUMERIC_STATES),
                    Item::new("sensor_data_size", Kind::U8).named(DATA_SIZES),
                    sized!(READING_VALUE, "sensor_data_size"),
                ],
            ),
        ],
        &[Item::new("event_data", Kind::Rest)],
    ),
];
const REPOSITORY_CHANGE: &[Item] = &[
    Item::new("event_data_format", Kind::U8).named(CHANGE_FORMATS),
    Item::new("number_of_change_records", Kind::Count(1)),
    Item::repeat(&[
        Item::new("event_data_operation", Kind::U8).named(CHANGES),
        Item::new("number_of_change_entries", Kind::Count(1)),
        Item::repeat(&[Item::new("change_entry", Kind::U32Le)])
            .counted("number_of_change_entries"),
    ])
    .counted("number_of_change_records"),
];
const POLL: &[Item] = &[
    Item::new("event_format_version", Kind::U8).or(1),
    Item::new("event_id", Kind::U16Le).brief("event {}"),
    Item::new("data_transfer_handle", Kind::U32Le),
];
const HEARTBEAT: &[Item] = &[
    Item::new("event_format_version", Kind::U8).or(1),
    Item::new("sequence_number", Kind::U8),
];

/// Completion codes of a command.
pub fn completion(command: u8) -> &'static [Item] {
    match command {
        0x04 => codes_of!(
            (0x80, "INVALID_PROTOCOL_TYPE"),
            (0x81, "ENABLE_METHOD_NOT_SUPPORTED"),
            (0x82, "HEARTBEAT_FREQUENCY_TOO_HIGH"),
        ),
        0x10 => codes_of!(
            (0x80, "INVALID_SENSOR_ID"),
            (0x81, "INVALID_SENSOR_OPERATIONAL_STATE"),
            (0x82, "EVENT_GENERATION_NOT_SUPPORTED"),
        ),
        0x11 => codes_of!(
            (0x80, "INVALID_SENSOR_ID"),
            (0x81, "REARM_UNAVAILABLE_IN_PRESENT_STATE"),
        ),
        0x20 => codes_of!(
            (0x80, "INVALID_SENSOR_ID"),
            (0x81, "INVALID_SENSOR_OPERATIONAL_STATE"),
            (0x82, "EVENT_GENERATION_NOT_SUPPORTED"),
        ),
        0x21 => codes_of!((0x80, "INVALID_SENSOR_ID")),
        0x31 | 0x32 | 0x39 | 0x3a => codes_of!(
            (0x80, "INVALID_EFFECTER_ID"),
            (0x81, "INVALID_STATE_VALUE"),
            (0x82, "UNSUPPORTED_EFFECTERSTATE"),
        ),
        0x51 => codes_of!(
            (0x80, "INVALID_DATA_TRANSFER_HANDLE"),
            (0x81, "INVALID_TRANSFER_OPERATION_FLAG"),
            (0x82, "INVALID_RECORD_HANDLE"),
            (0x83, "INVALID_RECORD_CHANGE_NUMBER"),
            (0x84, "TRANSFER_TIMEOUT"),
        ),
        _ => codes_of!(),
    }
}

/// Request data of a command.
pub fn request(command: u8) -> &'static [Item] {
    const SET_RECEIVER: &[Item] = &[
        Item::new("event_message_global_enable", Kind::U8)
            .named(GLOBAL_ENABLES)
            .brief("{}"),
        Item::new("transport_protocol_type", Kind::U8).named(TRANSPORTS),
        Item::new("event_receiver_address", Kind::U8).brief("EID {}"),
        // Only "keep alive" needs it; some send it always.
        Item::switch(
            "event_message_global_enable",
            &[(3, &[HEARTBEAT])],
            &[Item::optional(&[HEARTBEAT])],
        ),
    ];
    const HEARTBEAT: Item = Item::new("heartbeat_timer", Kind::U16Le);
    const EVENT_MESSAGE: &[Item] = &[FORMAT, TID, EVENT_CLASS, EVENT];
    const POLL_EVENT: &[Item] = &[
        FORMAT,
        Item::new("transfer_operation_flag", Kind::U8)
            .named(TRANSFER_OPERATIONS)
            .brief("{}"),
        Item::new("data_transfer_handle", Kind::U32Le),
        Item::new("event_id_to_acknowledge", Kind::U16Le),
    ];
    const SUPPORTED: &[Item] = &[FORMAT];
    const BUFFER: &[Item] =
        &[Item::new("event_receiver_max_buffer_size", Kind::U16Le).brief("{}")];
    const ENABLE: &[Item] = &[SENSOR_ID, OPERATIONAL_STATE, EVENT_ENABLE];
    const READING: &[Item] =
        &[SENSOR_ID, Item::new("rearm_event_state", Kind::U8)];
    const ENABLES: &[Item] = &[
        SENSOR_ID,
        SENSORS,
        Item::repeat(&[OPERATIONAL_STATE, EVENT_ENABLE])
            .counted("composite_sensor_count"),
    ];
    const READINGS: &[Item] = &[
        SENSOR_ID,
        Item::new("sensor_rearm", Kind::U8),
        Item::new("reserved2", Kind::U8).or(0),
    ];
    const SET_EFFECTER: &[Item] = &[
        EFFECTER_ID,
        Item::new("effecter_data_size", Kind::U8).named(DATA_SIZES),
        sized!(
            Item::new("effecter_value", Kind::U8).brief("{}"),
            "effecter_data_size"
        ),
    ];
    const EFFECTER: &[Item] = &[EFFECTER_ID];
    const SET_STATES: &[Item] = &[
        EFFECTER_ID,
        EFFECTERS,
        Item::repeat(&[
            Item::new("set_request", Kind::U8).named(SET_REQUESTS),
            Item::new("effecter_state", Kind::U8),
        ])
        .counted("composite_effecter_count"),
    ];
    const GET_PDR: &[Item] = &[
        Item::new("record_handle", Kind::U32Le).brief("record {}"),
        Item::new("data_transfer_handle", Kind::U32Le),
        Item::new("transfer_operation_flag", Kind::U8)
            .named(TRANSFER_OPERATIONS),
        Item::new("request_count", Kind::U16Le),
        Item::new("record_change_number", Kind::U16Le),
    ];
    match command {
        0x03 | 0x05 | 0x50 => &[],
        0x04 => SET_RECEIVER,
        0x0a => EVENT_MESSAGE,
        0x0b => POLL_EVENT,
        0x0c => SUPPORTED,
        0x0d => BUFFER,
        0x10 => ENABLE,
        0x11 => READING,
        0x20 => ENABLES,
        0x21 => READINGS,
        0x31 => SET_EFFECTER,
        0x32 | 0x3a => EFFECTER,
        0x39 => SET_STATES,
        0x51 => GET_PDR,
        _ => DATA,
    }
}

/// Response data of a command after a completion code of SUCCESS.
pub fn response(command: u8) -> &'static [Item] {
    const UID: &[Item] = &[Item::new("uuid", Kind::Uuid).brief("{}")];
    const RECEIVER: &[Item] = &[
        Item::new("transport_protocol_type", Kind::U8).named(TRANSPORTS).or(0),
        Item::new("event_receiver_address", Kind::U8).brief("EID {}"),
    ];
    const STATUS: &[Item] = &[Item::new("platform_event_status", Kind::U8)
        .named(EVENT_STATUS)
        .brief("{}")];
    const POLLED: &[Item] = &[
        TID,
        Item::new("event_id", Kind::U16Le).brief("event {}"),
        Item::switch("event_id", &[(0, &[]), (0xffff, &[])], POLLED_EVENT),
    ];
    const POLLED_EVENT: &[Item] = &[
        NEXT_HANDLE,
        FLAG,
        EVENT_CLASS,
        Item::new("event_data_size", Kind::Count(4)),
        Item::new("event_data", Kind::Rest).counted("event_data_size"),
        Item::switch(
            "transfer_flag",
            &[
                (
                    5,
                    &[Item::new(
                        "event_data_integrity_checksum",
                        Kind::Sum(Checksum::Crc32, "event_data"),
                    )],
                ),
                (4, &[Item::new("event_data_integrity_checksum", Kind::U32Le)]),
            ],
            &[],
        ),
    ];
    const SUPPORTED: &[Item] = &[
        Item::new("synchrony_configuration", Kind::U8).named(GLOBAL_ENABLES),
        Item::new("synchrony_configuration_supported", Kind::BitSet(1))
            .named(GLOBAL_ENABLES),
        Item::new("number_event_class_returned", Kind::Count(1)),
        Item::new("event_classes", Kind::Codes)
            .counted("number_event_class_returned")
            .named(EVENT_CLASSES)
            .brief("{}"),
    ];
    const BUFFER: &[Item] =
        &[Item::new("terminus_max_buffer_size", Kind::U16Le).brief("{}")];
    const READING: &[Item] = &[
        Item::new("sensor_data_size", Kind::U8).named(DATA_SIZES),
        OPERATIONAL_STATE,
        EVENT_ENABLE.or(0),
        Item::new("present_state", Kind::U8).named(NUMERIC_STATES).brief("{}"),
        Item::new("previous_state", Kind::U8).named(NUMERIC_STATES),
        Item::new("event_state", Kind::U8).named(NUMERIC_STATES),
        sized!(READING_VALUE, "sensor_data_size"),
    ];
    const READINGS: &[Item] = &[
        SENSORS,
        Item::repeat(&[
            OPERATIONAL_STATE,
            Item::new("present_state", Kind::U8).brief("state {}"),
            Item::new("previous_state", Kind::U8),
            Item::new("event_state", Kind::U8),
        ])
        .counted("composite_sensor_count"),
    ];
    const EFFECTER: &[Item] = &[
        Item::new("effecter_data_size", Kind::U8).named(DATA_SIZES),
        Item::new("effecter_operational_state", Kind::U8)
            .named(EFFECTER_STATES),
        sized!(
            Item::new("pending_value", Kind::U8).brief("{}"),
            "effecter_data_size"
        ),
        sized!(
            Item::new("present_value", Kind::U8).brief("{}"),
            "effecter_data_size"
        ),
    ];
    const EFFECTER_READINGS: &[Item] = &[
        EFFECTERS,
        Item::repeat(&[
            Item::new("effecter_operational_state", Kind::U8)
                .named(EFFECTER_STATES),
            Item::new("pending_state", Kind::U8),
            Item::new("present_state", Kind::U8).brief("state {}"),
        ])
        .counted("composite_effecter_count"),
    ];
    const REPOSITORY: &[Item] = &[
        Item::new("repository_state", Kind::U8)
            .named(REPOSITORY_STATES)
            .or(0)
            .brief("{}"),
        Item::reserved("update_time", Kind::Bytes(13)),
        Item::reserved("oem_update_time", Kind::Bytes(13)),
        Item::new("record_count", Kind::U32Le).brief("records {}"),
        Item::new("repository_size", Kind::U32Le),
        Item::new("largest_record_size", Kind::U32Le),
        Item::new("data_transfer_handle_timeout", Kind::U8).or(0),
    ];
    // A record that comes whole is taken apart; the CRC-8 stands only after
    // the last of several parts, and is that of all of them.
    const GET_PDR: &[Item] = &[
        Item::new("next_record_handle", Kind::U32Le).or(0),
        NEXT_HANDLE,
        FLAG,
        Item::new("response_count", Kind::Count(2)),
        Item::switch(
            "transfer_flag",
            &[
                (
                    5,
                    &[Item::new("record_data", Kind::Scope(pdr::RECORD))
                        .counted("response_count")],
                ),
                (4, &[PDR_PART, Item::new("transfer_crc", Kind::U8)]),
            ],
            &[PDR_PART],
        ),
    ];
    const PDR_PART: Item =
        Item::new("record_data", Kind::Rest).counted("response_count");
    match command {
        0x03 => UID,
        0x04 | 0x10 | 0x20 | 0x31 | 0x39 => &[],
        0x05 => RECEIVER,
        0x0a => STATUS,
        0x0b => POLLED,
        0x0c => SUPPORTED,
        0x0d => BUFFER,
        0x11 => READING,
        0x21 => READINGS,
        0x32 => EFFECTER,
        0x3a => EFFECTER_READINGS,
        0x50 => REPOSITORY,
        0x51 => GET_PDR,
        _ => DATA,
    }
}
