//! Tables for tests, built from the lists of fields.

use crate::field::Gas;
use crate::platform::Platform;
use crate::table::layout::{self, TABLE};
use crate::table::{Table, seal};

/// First window of a channel; each has 64 KiB.
pub const WINDOWS: u64 = 0x0a01_0000;

/// The window of a channel.
pub fn window(id: usize) -> u64 {
    WINDOWS + 0x1_0000 * id as u64
}

/// A register in memory, 32 bits wide.
pub fn gas(address: u64) -> Gas {
    Gas { space: 0, width: 32, bit_offset: 0, access: 3, address }
}

/// A platform in the making. Starts with nothing to find.
#[derive(Default)]
pub struct Case {
    header: Vec<u8>,
    entries: Vec<Vec<u8>>,
    last: Vec<fn(&mut Vec<u8>)>,
    others: Vec<Vec<u8>>,
    platform: Platform,
    absent: bool,
}

/// A sound PCCT with subspaces of these types.
pub fn pcct(kinds: &[u8]) -> Case {
    let mut case = Case { header: vec![0; 48], ..Case::default() };
    case.header[..4].copy_from_slice(b"PCCT");
    case.header[8] = 2;
    case.header[10..24].copy_from_slice(b"TESTIDTESTTABL");
    case.header[36] = 1;
    for (id, kind) in kinds.iter().enumerate() {
        let length = layout::of(*kind).unwrap().length;
        let mut entry = vec![0; length];
        entry[..2].copy_from_slice(&[*kind, length as u8]);
        case.entries.push(entry);
        let at = window(id);
        let all = u64::from(u32::MAX);
        case = case
            .maybe(id, "gsiv", 112 + id as u64)
            .maybe(id, "interrupt_flags", 2)
            .maybe(id, "version", 1)
            .set(id, "base_address", at + 0x1000)
            .set(id, "memory_length", 0x1000)
            .register(id, "doorbell_register", gas(at))
            .set(id, "doorbell_preserve", all - 1)
            .set(id, "doorbell_write", 1)
            .maybe(id, "nominal_latency", if *kind == 4 { 0 } else { 1000 })
            .maybe(id, "ack_preserve", all)
            .maybe(id, "check_mask", 1)
            .maybe(id, "update_preserve", all - 1)
            .maybe(id, "update_set", u64::from(*kind == 4))
            .maybe(id, "error_mask", 1);
        for (name, offset) in [
            ("ack_register", 8),
            ("check_register", 16),
            ("update_register", 16),
            ("error_register", 20),
        ] {
            if case.has(id, name) {
                case = case.register(id, name, gas(at + offset));
            }
        }
    }
    case
}

impl Case {
    fn field(&self, id: usize, name: &str) -> Option<&'static layout::Layout> {
        let layout = layout::of(self.entries[id][0])?;
        layout.fields.iter().any(|f| f.name == name).then_some(layout)
    }

    fn has(&self, id: usize, name: &str) -> bool {
        self.field(id, name).is_some()
    }

    fn place(&mut self, id: usize, name: &str) -> &mut [u8] {
        let layout = self.field(id, name).expect("the type has the field");
        let field = layout.fields.iter().find(|f| f.name == name).unwrap();
        let end = field.offset + field.kind.width();
        &mut self.entries[id][field.offset..end]
    }

    fn maybe(self, id: usize, name: &str, value: u64) -> Case {
        if self.has(id, name) { self.set(id, name, value) } else { self }
    }

    /// Sets a field of a subspace.
    pub fn set(mut self, id: usize, name: &str, value: u64) -> Case {
        let place = self.place(id, name);
        let bytes = value.to_le_bytes();
        let n = place.len().min(8);
        assert!(bytes[n..].iter().all(|b| *b == 0), "{name} is too wide");
        place[..n].copy_from_slice(&bytes[..n]);
        self
    }

    /// Sets a register of a subspace.
    pub fn register(mut self, id: usize, name: &str, gas: Gas) -> Case {
        let place = self.place(id, name);
        let head = [gas.space, gas.width, gas.bit_offset, gas.access];
        place[..4].copy_from_slice(&head);
        place[4..].copy_from_slice(&gas.address.to_le_bytes());
        self
    }

    /// Changes one register of a subspace.
    pub fn change(
        mut self,
        id: usize,
        name: &str,
        change: fn(&mut Gas),
    ) -> Case {
        let mut gas = Gas::decode(self.place(id, name)).unwrap();
        change(&mut gas);
        self.register(id, name, gas)
    }

    /// Sets the global flags.
    pub fn flags(mut self, flags: u32) -> Case {
        let at = TABLE[0].offset;
        self.header[at..at + 4].copy_from_slice(&flags.to_le_bytes());
        self
    }

    /// Sets a byte of the header before the checksum is made.
    pub fn header(mut self, at: usize, value: u8) -> Case {
        self.header[at] = value;
        self
    }

    /// Changes the bytes of a subspace.
    pub fn entry(mut self, id: usize, change: fn(&mut Vec<u8>)) -> Case {
        change(&mut self.entries[id]);
        self
    }

    /// Changes the finished table.
    pub fn last(mut self, change: fn(&mut Vec<u8>)) -> Case {
        self.last.push(change);
        self
    }

    /// Adds another table; length and checksum are set.
    pub fn with(self, signature: &[u8; 4], body: &[u8]) -> Case {
        let mut bytes = vec![0; 36];
        bytes[..4].copy_from_slice(signature);
        bytes[10..24].copy_from_slice(b"TESTIDTESTTABL");
        bytes.extend(body);
        seal(&mut bytes);
        self.with_bytes(bytes)
    }

    /// Adds another table as it is.
    pub fn with_bytes(mut self, bytes: Vec<u8>) -> Case {
        self.others.push(bytes);
        self
    }

    /// Adds an SSDT.
    pub fn ssdt(self, aml: &[u8]) -> Case {
        self.with(b"SSDT", aml)
    }

    /// Adds a MADT with a GICv3, and a v2m frame if SPIs are given.
    pub fn gic(self, msi: Option<(u16, u16)>) -> Case {
        let mut body = vec![0; 8];
        let mut gicd = vec![0x0c, 24, 0, 0, 0, 0, 0, 0];
        gicd.extend(0x0800_0000u64.to_le_bytes());
        gicd.extend([0, 0, 0, 0, 3, 0, 0, 0]);
        body.extend(gicd);
        if let Some((first, count)) = msi {
            body.extend([0x0d, 24, 0, 0, 0, 0, 0, 0]);
            body.extend(0x0802_0000u64.to_le_bytes());
            body.extend(1u32.to_le_bytes());
            body.extend(count.to_le_bytes());
            body.extend(first.to_le_bytes());
        }
        self.with(b"APIC", &body)
    }

    /// Adds a FADT.
    pub fn fadt(self, hardware_reduced: bool, sci: u8) -> Case {
        let mut body = vec![0; 240];
        body[46 - 36] = sci;
        body[114 - 36] = if hardware_reduced { 0x10 } else { 0 };
        self.with(b"FACP", &body)
    }

    /// Adds a file, by the name it would have in a folder.
    pub fn file(mut self, name: &str, content: &[u8]) -> Case {
        self.platform.add(name, name, content.to_vec()).unwrap();
        self
    }

    /// Leaves the PCCT out.
    pub fn without_pcct(mut self) -> Case {
        self.absent = true;
        self
    }

    /// The finished platform.
    pub fn build(mut self) -> Platform {
        let mut bytes = self.header;
        bytes.extend(self.entries.concat());
        seal(&mut bytes);
        for change in self.last {
            change(&mut bytes);
        }
        let pcct = Some(bytes).filter(|_| !self.absent);
        let all = pcct.into_iter().chain(self.others);
        let table = |(n, bytes)| Table { origin: format!("table {n}"), bytes };
        self.platform.tables.extend(all.enumerate().map(table));
        self.platform
    }
}

/// A package: opcode, length of two bytes, content.
pub fn package(op: &[u8], content: &[u8]) -> Vec<u8> {
    let length = content.len() + 2;
    let mut all = op.to_vec();
    all.extend([0x40 | (length & 0xf) as u8, (length >> 4) as u8]);
    all.extend(content);
    all
}

/// A device with these objects.
pub fn device(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    package(&[0x5b, 0x82], &[name, content].concat())
}

/// A device with an id and a constant _CRS.
pub fn hid_device(name: &[u8; 4], hid: &str, template: &[u8]) -> Vec<u8> {
    let mut objects = b"\x08_HID\x0d".to_vec();
    objects.extend(hid.as_bytes());
    objects.extend(b"\0\x08_CRS");
    let template = [template, &[0x79, 0]].concat();
    let size = [0x0a, template.len() as u8];
    objects.extend(package(&[0x11], &[&size[..], &template].concat()));
    device(name, &objects)
}

/// A PCC address descriptor.
pub fn descriptor(id: u8) -> Vec<u8> {
    let mut bytes = vec![0x87, 0x17, 0, 0x0a, 0x0c, 0, 0, 0, 0, 0, id];
    bytes.extend([0; 15]);
    bytes
}

/// A generic register in PCC space.
pub fn register(id: u8, address: u8, width: u8) -> Vec<u8> {
    let mut bytes = vec![0x82, 0x0c, 0, 0x0a, width, 0, id, address];
    bytes.extend([0; 7]);
    bytes
}

/// The MCTP device with its two descriptors.
pub fn mctp(name: &[u8; 4], outbox: u8, inbox: u8) -> Vec<u8> {
    let template = [descriptor(outbox), descriptor(inbox)].concat();
    hid_device(name, "DMT0001", &template)
}

/// An OperationRegion in PCC space.
pub fn region(name: &[u8; 4], id: u8, length: u8) -> Vec<u8> {
    let mut aml = b"\x5b\x80".to_vec();
    aml.extend(name);
    aml.extend([0x0a, 0x0a, id, 0x0a, length]);
    aml
}

/// So many fields of 32 bits of a region, from its first byte on.
pub fn fields(region: &[u8; 4], count: u8) -> Vec<u8> {
    let mut content = region.to_vec();
    content.push(1);
    for number in 0..count {
        content.extend([b'F', b'0', b'0', b'A' + number, 32]);
    }
    package(&[0x5b, 0x81], &content)
}

/// A buffer with a resource template of these descriptors.
pub fn buffer(descriptors: &[u8]) -> Vec<u8> {
    let template = [descriptors, &[0x79, 0]].concat();
    let size = [0x0a, template.len() as u8];
    package(&[0x11], &[&size[..], &template].concat())
}

/// The package of a _CPC: number of entries, revision, entries.
pub fn cpc_package(revision: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    let count = entries.len() as u8 + 2;
    let head = [count, 0x0a, count, 0x0a, revision];
    package(&[0x12], &[&head[..], &entries.concat()].concat())
}

/// A processor with a _CPC of revision 3, all its registers the same.
pub fn cpc(id: u8, address: u8, width: u8) -> Vec<u8> {
    let one = buffer(&register(id, address, width));
    let package = cpc_package(3, &vec![one; 21]);
    cpc_of(&package)
}

/// A processor with a _CPC of that value.
pub fn cpc_of(value: &[u8]) -> Vec<u8> {
    device(b"C000", &[&b"\x08_CPC"[..], value].concat())
}
