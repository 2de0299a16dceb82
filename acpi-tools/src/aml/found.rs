//! What a DSDT or SSDT says of PCC.

use crate::field::Gas;

/// Enough to know that a table is damaged; the rest is counted.
const TROUBLES: usize = 16;

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
    /// `_CRS` is a method, and what it returns is unknown or varies.
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

/// An element of a `_CPC` package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// A number.
    Integer(u64),
    /// A register descriptor: offset in the table, and the register. In PCC
    /// space the access size is the subspace.
    Register(usize, Gas),
    /// A package, as Resource Priority is one (ACPI 6.6 §8.4.6.1.2.7).
    Package,
    /// Neither of them.
    Other(&'static str),
    /// What it is would be known only when the AML runs.
    Unknown,
}

/// A `_CPC`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpc {
    /// Its path.
    pub path: String,
    /// Offset in the table.
    pub at: usize,
    /// All elements, number of entries and revision included.
    pub elements: Vec<Element>,
}

impl Cpc {
    /// The number of entries it says, and the revision.
    pub fn head(&self) -> Option<(u64, u64)> {
        match self.elements[..] {
            [Element::Integer(count), Element::Integer(revision), ..] => {
                Some((count, revision))
            }
            _ => None,
        }
    }
}

/// A register descriptor whose length is not that of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongLength {
    /// Path of the object it is in.
    pub path: String,
    /// Offset in the table.
    pub at: usize,
    /// The length it says.
    pub length: u16,
    /// It stands in a `_CPC`, where Linux does not look at the length.
    pub in_cpc: bool,
    /// The register lies in PCC space.
    pub pcc: bool,
}

/// A list of fields of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// The region's path, if it stands in the same scope; it may stand further
    /// out.
    pub region: String,
    /// Offset in the table.
    pub at: usize,
    /// Bits from the region's first at which those with a name begin.
    pub begins: Vec<u64>,
}

impl Fields {
    /// Whether they are fields of the region with this path.
    pub fn are_of(&self, path: &str) -> bool {
        fn split(path: &str) -> (&str, &str) {
            path.rsplit_once(['.', '\\']).unwrap_or(("", path))
        }
        let ((scope, name), (outer, wanted)) =
            (split(&self.region), split(path));
        name == wanted && scope.starts_with(outer)
    }
}

/// An object that may name subspaces, and needs running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its path.
    pub path: String,
    /// Offset in the table.
    pub at: usize,
    /// Why.
    pub why: &'static str,
}

/// What a DSDT or SSDT says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aml {
    /// Devices in their order.
    pub devices: Vec<Device>,
    /// Mentions of subspaces in their order.
    pub references: Vec<Reference>,
    /// Lists of fields, of regions in whatever space.
    pub fields: Vec<Fields>,
    /// The `_CPC` packages.
    pub cpcs: Vec<Cpc>,
    /// Register descriptors of a wrong length.
    pub lengths: Vec<WrongLength>,
    /// Objects that may name subspaces and were not looked into.
    pub unread: Vec<Unread>,
    /// Where the scanner gave up.
    pub troubles: Vec<Trouble>,
    /// So many more times it gave up.
    pub more_troubles: usize,
    /// Something that may name subspaces stands where it gave up.
    pub hidden: bool,
}

impl Aml {
    /// Nothing that may name a subspace was left out.
    pub fn read_whole(&self) -> bool {
        self.unread.is_empty() && !self.hidden
    }

    pub(super) fn trouble(&mut self, at: usize, damaged: bool, text: &str) {
        match self.troubles.len() {
            TROUBLES.. => self.more_troubles += 1,
            _ => {
                let text = text.to_owned();
                self.troubles.push(Trouble { at, text, damaged });
            }
        }
    }

    /// The device a reference is in.
    pub fn device_of(&self, reference: &Reference) -> Option<&Device> {
        self.devices.get(reference.device?)
    }
}
