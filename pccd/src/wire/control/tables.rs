//! The data of control messages as fields (DSP0236 1.3.1 §12, in the order
//! of the command codes; most significant byte first).

use super::Command;
use crate::wire::layout::{Item, Kind, Names};
use crate::wire::mctp::MsgType;

const SET_EID_OPERATIONS: Names = &[
    (0, "set EID"),
    (1, "force EID"),
    (2, "reset EID"),
    (3, "set Discovered flag"),
];
const ASSIGNMENT: Names = &[(0, "accepted"), (1, "rejected")];
const ALLOCATION: Names =
    &[(0, "no EID pool"), (1, "EID pool required"), (2, "EID pool received")];
const ENDPOINT_TYPES: Names =
    &[(0, "simple endpoint"), (1, "bus owner or bridge")];
const EID_TYPES: Names = &[
    (0, "dynamic EID"),
    (1, "static EID supported"),
    (2, "static EID, in force"),
    (3, "static EID, another in force"),
];
const VENDOR_FORMATS: Names = &[(0, "PCI"), (1, "IANA")];
/// Message types, and what is none.
const VERSION_TYPES: Names = &{
    let mut all = [(0xff, "base specification"); MsgType::NAMES.len() + 1];
    let (types, _) = all.split_at_mut(MsgType::NAMES.len());
    types.copy_from_slice(MsgType::NAMES);
    all
};
const ALLOCATE_OPERATIONS: Names = &[
    (0, "allocate EIDs"),
    (1, "force allocation"),
    (2, "get allocation information"),
];
const ROUTE_TYPES: Names = &[
    (0, "single endpoint"),
    (1, "bridge and its range"),
    (2, "bridge only"),
    (3, "range without its bridge"),
];
const ORIGINS: Names = &[(0, "dynamic"), (1, "static")];
/// Transport bindings (DSP0239 1.11.1 table 3).
const BINDINGS: Names = &[
    (0x01, "SMBus/I2C"),
    (0x02, "PCIe VDM"),
    (0x03, "USB"),
    (0x04, "KCS"),
    (0x05, "serial"),
    (0x06, "I3C"),
    (0x07, "MMBI"),
    (0x08, "PCC"),
    (0x09, "UCIe"),
    (0xff, "vendor"),
];
/// Physical media (DSP0239 1.11.1 table 4), those that have one name.
const MEDIA: Names = &[
    (0x00, "unspecified"),
    (0x0f, "PCI"),
    (0x18, "NC-SI over RBT"),
    (0x19, "UCIe"),
    (0x1a, "PCC"),
    (0x30, "I3C"),
];
/// Host interfaces (DSP0256).
const INTERFACES: Names = &[
    (0x02, "KCS"),
    (0x09, "I2C/SMBus"),
    (0x0a, "I3C"),
    (0x0b, "PCIe VDM"),
    (0x0c, "MMBI"),
];

const EID: Item = Item::new("eid", Kind::U8).brief("EID {}");
const BINDING: Item = Item::new("binding_type", Kind::U8).named(BINDINGS);
const MEDIUM: Item = Item::new("media_type", Kind::U8).named(MEDIA);
const ADDRESS_SIZE: Item = Item::new("physical_address_size", Kind::Count(1));
const ADDRESS: Item =
    Item::new("physical_address", Kind::Rest).counted("physical_address_size");
const ENTRY_COUNT: Item = Item::new("entry_count", Kind::Count(1));
const RATE: Item = Item::new("transmit_data_rate_limit", Kind::U32Be);

/// Request data of a command; bytes for those without a layout.
pub fn request(command: Command) -> &'static [Item] {
    const SET_EID: &[Item] = &[
        Item::bits("reserved2", 7, 2).or(0),
        Item::bits("operation", 1, 0).named(SET_EID_OPERATIONS),
        Item::new("eid", Kind::U8).brief("set to {}"),
    ];
    const VERSION: &[Item] = &[Item::new("message_type", Kind::U8)
        .named(VERSION_TYPES)
        .brief("of {}")];
    const VENDOR: &[Item] =
        &[Item::new("set_selector", Kind::U8).brief("selector {}")];
    const RESOLVE_EID: &[Item] = &[EID];
    const ALLOCATE: &[Item] = &[
        Item::bits("reserved2", 7, 2).or(0),
        Item::bits("operation", 1, 0).named(ALLOCATE_OPERATIONS),
        Item::new("eid_count", Kind::U8).brief("{} EIDs"),
        Item::new("first_eid", Kind::U8).brief("from {}"),
    ];
    // Over PCC there are no physical addresses.
    const ROUTING: &[Item] = &[
        ENTRY_COUNT.brief("{} entries"),
        Item::repeat(&[
            Item::bits("reserved2", 7, 4).or(0),
            Item::bits("entry_type", 3, 0).named(ROUTE_TYPES),
            Item::new("eid_range_size", Kind::U8),
            Item::new("first_eid", Kind::U8),
        ])
        .counted("entry_count"),
    ];
    const HANDLE: &[Item] =
        &[Item::new("entry_handle", Kind::U8).brief("from entry {}")];
    const QUERY_HOP: &[Item] =
        &[EID, Item::new("message_type", Kind::U8).named(MsgType::NAMES)];
    const RESOLVE_UUID: &[Item] = &[
        Item::new("uuid", Kind::Uuid).brief("{}"),
        Item::new("entry_handle", Kind::U8),
    ];
    const RATE_LIMIT: &[Item] =
        &[Item::new("transmit_burst_size", Kind::U24Be), RATE];
    const TRANSPORT: &[Item] =
        &[Item::optional(&[BINDING, MEDIUM, Item::new("data", Kind::Rest)])];
    const REST: &[Item] = &[Item::new("data", Kind::Rest)];
    match command {
        Command::SetEndpointId => SET_EID,
        Command::GetVersionSupport => VERSION,
        Command::GetVendorSupport => VENDOR,
        Command::ResolveEndpointId => RESOLVE_EID,
        Command::AllocateEndpointIds => ALLOCATE,
        Command::RoutingInformationUpdate => ROUTING,
        Command::GetRoutingTable => HANDLE,
        Command::QueryHop => QUERY_HOP,
        Command::ResolveUuid => RESOLVE_UUID,
        Command::RequestTxRateLimit | Command::UpdateRateLimit => RATE_LIMIT,
        Command::GetEndpointId
        | Command::GetEndpointUuid
        | Command::GetMessageTypeSupport
        | Command::PrepareForDiscovery
        | Command::EndpointDiscovery
        | Command::DiscoveryNotify
        | Command::GetNetworkId
        | Command::QueryRateLimit
        | Command::QuerySupportedInterfaces => &[],
        Command::Unknown(0xf0..) => TRANSPORT,
        Command::Unknown(_) => REST,
    }
}

/// Response data of a command after a completion code of SUCCESS.
pub fn response(command: Command) -> &'static [Item] {
    const SET_EID: &[Item] = &[
        Item::bits("reserved2", 7, 6).or(0),
        Item::bits("assignment_status", 5, 4).named(ASSIGNMENT).brief("{}"),
        Item::bits("reserved3", 3, 2).or(0),
        Item::bits("allocation_status", 1, 0).named(ALLOCATION),
        EID,
        Item::new("eid_pool_size", Kind::U8),
    ];
    const GET_EID: &[Item] = &[
        EID,
        Item::bits("reserved2", 7, 6).or(0),
        Item::bits("endpoint_type", 5, 4).named(ENDPOINT_TYPES).or(0),
        Item::bits("reserved3", 3, 2).or(0),
        Item::bits("eid_type", 1, 0).named(EID_TYPES).or(0),
        Item::new("medium_specific", Kind::U8).or(0),
    ];
    const UUID: &[Item] = &[Item::new("uuid", Kind::Uuid).brief("UUID {}")];
    const VERSION: &[Item] = &[
        Item::new("version_count", Kind::Count(1)),
        Item::new("versions", Kind::Versions { reversed: false, leave: 0 })
            .counted("version_count")
            .brief("versions {}"),
    ];
    const TYPES: &[Item] = &[
        Item::new("type_count", Kind::Count(1)),
        Item::new("types", Kind::Codes)
            .counted("type_count")
            .named(MsgType::NAMES)
            .brief("types {}"),
    ];
    const VENDOR: &[Item] = &[
        Item::new("next_selector", Kind::U8),
        Item::new("vendor_id_format", Kind::U8)
            .named(VENDOR_FORMATS)
            .brief("{}"),
        Item::new("vendor_id", Kind::AllBut(2)),
        Item::new("command_set", Kind::U16Be),
    ];
    const RESOLVE_EID: &[Item] = &[
        Item::new("bridge_eid", Kind::U8).brief("by way of {}"),
        Item::new("physical_address", Kind::Rest),
    ];
    const ALLOCATE: &[Item] = &[
        Item::bits("reserved2", 7, 2).or(0),
        Item::bits("allocation_status", 1, 0).named(ASSIGNMENT).brief("{}"),
        Item::new("eid_pool_size", Kind::U8).brief("{} EIDs"),
        Item::new("first_eid", Kind::U8).brief("from {}"),
    ];
    const ROUTING_TABLE: &[Item] = &[
        Item::new("next_entry_handle", Kind::U8),
        ENTRY_COUNT.brief("{} entries"),
        Item::repeat(&[
            Item::new("eid_range_size", Kind::U8),
            Item::new("first_eid", Kind::U8),
            Item::bits("entry_type", 7, 6).named(ROUTE_TYPES),
            Item::bits("static_entry", 5, 5).named(ORIGINS),
            Item::bits("port_number", 4, 0),
            BINDING,
            MEDIUM,
            ADDRESS_SIZE,
            ADDRESS,
        ])
        .counted("entry_count"),
    ];
    const NETWORK: &[Item] =
        &[Item::new("network_id", Kind::Uuid).brief("network {}")];
    const QUERY_HOP: &[Item] = &[
        Item::new("next_bridge_eid", Kind::U8).brief("next bridge {}"),
        Item::new("message_type", Kind::U8).named(MsgType::NAMES),
        Item::new("incoming_unit", Kind::U16Be),
        Item::new("outgoing_unit", Kind::U16Be),
    ];
    const RESOLVE_UUID: &[Item] = &[
        Item::new("next_entry_handle", Kind::U8),
        ENTRY_COUNT.brief("{} entries"),
        Item::repeat(&[
            Item::new("eid", Kind::U8),
            BINDING,
            MEDIUM,
            ADDRESS_SIZE,
            ADDRESS,
        ])
        .counted("entry_count"),
    ];
    const QUERY_RATE: &[Item] = &[
        Item::new("receive_buffer_size", Kind::U32Be),
        Item::new("maximum_receive_data_rate", Kind::U32Be),
        Item::new("maximum_transmit_data_rate", Kind::U32Be),
        Item::new("minimum_transmit_data_rate", Kind::U32Be),
        Item::new("maximum_transmit_burst_size", Kind::U24Be),
        Item::new("transmit_burst_size", Kind::U24Be),
        RATE,
        Item::bits("reserved2", 7, 2).or(0),
        Item::bits("only_unrequested_limited", 1, 1),
        Item::bits("rate_limiting_supported", 0, 0),
    ];
    // The burst has three bytes in requests and four here.
    const REQUEST_RATE: &[Item] =
        &[Item::new("transmit_burst_size", Kind::U32Be), RATE];
    const QUERY_INTERFACES: &[Item] = &[
        Item::new("interface_count", Kind::Count(1)),
        Item::repeat(&[
            Item::new("interface_type", Kind::U8).named(INTERFACES),
            Item::new("interface_eid", Kind::U8),
        ])
        .counted("interface_count"),
    ];
    const REST: &[Item] = &[Item::new("data", Kind::Rest)];
    match command {
        Command::SetEndpointId => SET_EID,
        Command::GetEndpointId => GET_EID,
        Command::GetEndpointUuid => UUID,
        Command::GetVersionSupport => VERSION,
        Command::GetMessageTypeSupport => TYPES,
        Command::GetVendorSupport => VENDOR,
        Command::ResolveEndpointId => RESOLVE_EID,
        Command::AllocateEndpointIds => ALLOCATE,
        Command::GetRoutingTable => ROUTING_TABLE,
        Command::RoutingInformationUpdate
        | Command::PrepareForDiscovery
        | Command::EndpointDiscovery
        | Command::DiscoveryNotify
        | Command::UpdateRateLimit => &[],
        Command::GetNetworkId => NETWORK,
        Command::QueryHop => QUERY_HOP,
        Command::ResolveUuid => RESOLVE_UUID,
        Command::QueryRateLimit => QUERY_RATE,
        Command::RequestTxRateLimit => REQUEST_RATE,
        Command::QuerySupportedInterfaces => QUERY_INTERFACES,
        Command::Unknown(_) => REST,
    }
}
