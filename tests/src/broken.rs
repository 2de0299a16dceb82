//! Drivers with a mistake in them: `tests/broken/list`, and what
//! `scripts/broken.sh` has built of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::built;

/// A line of the list, which says what its fields are.
#[derive(Clone, Debug)]
pub struct Driver {
    /// What it is called.
    pub name: String,
    /// As the list names it; empty if there is none.
    pub platform: String,
    /// The initcall of the one that is built in; empty if none is.
    init: String,
    /// What a run of it ends with.
    pub status: i32,
    /// What the terminal says, in this order.
    pub words: Vec<String>,
}

/// All of the list.
///
/// # Panics
/// When it cannot be read.
pub fn drivers() -> Vec<Driver> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("broken/list");
    let list = std::fs::read_to_string(list).expect("a list");
    let is_one = |line: &&str| !line.is_empty() && !line.starts_with('#');
    list.lines().filter(is_one).map(Driver::read).collect()
}

/// The one of this name.
///
/// # Panics
/// When there is none.
pub fn driver(name: &str) -> Driver {
    let one = drivers().into_iter().find(|driver| driver.name == name);
    one.unwrap_or_else(|| panic!("no {name} in tests/broken/list"))
}

impl Driver {
    fn read(line: &str) -> Driver {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let [name, platform, _, init, _, status, words] = fields[..] else {
            panic!("{line:?} has not seven fields");
        };
        let or_none = |field: &str| match field {
            "-" => String::new(),
            field => field.to_owned(),
        };
        Driver {
            name: name.to_owned(),
            platform: or_none(platform),
            init: or_none(init),
            status: status.parse().expect("an exit status"),
            words: words.split(';').map(|it| it.trim().to_owned()).collect(),
        }
    }

    /// Its modules, in the order they are loaded in.
    ///
    /// # Panics
    /// When it is not built.
    pub fn modules(&self) -> Vec<PathBuf> {
        let folder = built("BROKEN").join(&self.name);
        let order = folder.join("modules.order");
        let order = std::fs::read_to_string(&order)
            .unwrap_or_else(|error| panic!("{}: {error}", order.display()));
        let objects = order.lines().map(|line| Path::new(line).file_name());
        let modules = objects
            .flatten()
            .map(|object| folder.join(object).with_extension("ko"));
        modules.collect()
    }

    /// Its platform's folder: the one with the mistake, one of the tests, or
    /// one of `messages/`.
    pub fn folder(&self) -> Option<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let all = [
            built("BROKEN").join(&self.name),
            root.join(&self.platform),
            pcclab::platform::folder().join(&self.platform),
        ];
        all.into_iter().find(|it| it.join("platform.json").exists())
    }

    /// What keeps out the one that is built in, for the kernel's command line.
    pub fn append(&self) -> String {
        match self.init.as_str() {
            "" => String::new(),
            init => format!("initcall_blacklist={init}"),
        }
    }

    /// What `pcclab` is to be told: modules, the one that is built in kept
    /// out, the platform.
    pub fn options(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = Vec::new();
        for module in self.modules() {
            options.extend(["--module".into(), module.into()]);
        }
        if !self.init.is_empty() {
            options.extend(["--append".into(), self.append().into()]);
        }
        if let Some(platform) = self.folder() {
            options.extend(["--platform".into(), platform.into()]);
        }
        options
    }
}
