//! A scanner for AML (ACPI 6.5 §20): finds what touches PCC.
//!
//! No interpreter: it walks declarations (Scope, Device, Name,
//! OperationRegion …), reads constant buffers and packages, and searches
//! method bodies for regions. What needs evaluation is said to need it. Depth
//! and work are bounded by the table's length.

mod data;
pub mod resource;
mod walk;

pub use walk::scan;

/// How a piece of AML names a subspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// An `OperationRegion` in PCC space.
    Region {
        /// Bytes of the region, if constant.
        length: Option<u64>,
    },
    /// A `Register (PCC, …)` in `_CPC`: a byte of the communication space.
    Cpc {
        /// Offset in the communication space.
        address: u64,
        /// Width in bits.
        width: u8,
        /// First bit.
        bit_offset: u8,
    },
    /// A `Register (PCC, …)` elsewhere, as in `_CRS`.
    Register,
    /// An address descriptor of resource type 0x0A in `_CRS`.
    Descriptor,
    /// A `pcc-channel` property in `_DSD`.
    Property,
}

impl Use {
    /// For people.
    pub fn text(&self) -> String {
        match self {
            Use::Region { length: Some(length) } => {
                format!("OperationRegion of {length} bytes")
            }
            Use::Region { length: None } => {
                "OperationRegion of computed length".to_owned()
            }
            Use::Cpc { address, width, bit_offset } => format!(
                "_CPC register at byte {address:#x}, {width} bits from bit \
                 {bit_offset}"
            ),
            Use::Register => "Register (PCC) in _CRS".to_owned(),
            Use::Descriptor => "PCC address descriptor in _CRS".to_owned(),
            Use::Property => "_DSD property pcc-channel".to_owned(),
        }
    }
}

/// One mention of a subspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Path of the object it is in.
    pub path: String,
    /// Offset in the table.
    pub at: usize,
    /// The subspace, if constant.
    pub subspace: Option<u64>,
    /// How.
    pub usage: Use,
    /// The device it is in: index in [`Aml::devices`].
    pub device: Option<usize>,
}

/// A device and what its objects say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Its path, as in `\_SB_.MP00`.
    pub path: String,
    /// Offset in the table.
    pub at: usize,
    /// Hardware id, if constant.
    pub hid: Option<String>,
    /// `_CRS` is a method: what it returns is unknown here.
    pub computed_crs: bool,
    /// Interrupts of a constant `_CRS`: GSIV and offset in the table.
    pub interrupts: Vec<(u32, usize)>,
}

/// Where the scanner gave up on a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Offset in the table.
    pub at: usize,
    /// Why.
    pub text: String,
    /// The bytes contradict themselves, rather than being beyond us.
    pub damaged: bool,
}

/// What a DSDT or SSDT says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aml {
    /// Devices in their order.
    pub devices: Vec<Device>,
    /// Mentions of subspaces in their order.
    pub references: Vec<Reference>,
    /// Where the scanner gave up.
    pub troubles: Vec<Trouble>,
}

impl Aml {
    /// The device a reference is in.
    pub fn device_of(&self, reference: &Reference) -> Option<&Device> {
        self.devices.get(reference.device?)
    }
}
