//! What a platform says of kernels: modules, drivers, options.

use std::path::Path;

use anyhow::Result;
use pccd::script::locate::{Side, Step, locate, path_text};
use pccd::script::problem::{Problem, nearest};

use super::{Check, is_plain, key};
use crate::kernel::Kernel;
use crate::platform;

impl Check<'_> {
    /// Drivers of guest-scripts and of the kernel.
    pub(super) fn modules(&mut self) -> Result<()> {
        let known = drivers()?;
        for (index, name) in self.read.modules.clone().iter().enumerate() {
            if known.contains(name) {
                continue;
            }
            let path = [key("modules"), Step::Index(index)];
            let message = format!("guest-scripts has no driver `{name}`");
            let expected = format!(
                "{}; a driver of the kernel stands in `drivers`, one of your \
                 own is given with `pcclab run --module`",
                known.join(" or ")
            );
            let meant = nearest(name, known.iter().map(|it| it.as_str()));
            let meant = meant.map(str::to_owned);
            self.wrong(&path, message, Some(expected), meant);
        }
        let kernel = self.options.kernel.clone();
        for (index, name) in self.read.drivers.clone().iter().enumerate() {
            let path = [key("drivers"), Step::Index(index)];
            let bare = name.rsplit('/').next().unwrap_or(name);
            let bare = bare.split('.').next().unwrap_or(bare);
            if bare != name {
                let message = format!("`{name}` is no name of a module");
                let meant = Some(bare.to_owned());
                let expected = "the name alone, as `lsmod` shows it";
                self.wrong(&path, message, Some(expected.to_owned()), meant);
            }
            let Some(kernel) = &kernel else { continue };
            match kernel.has_module(bare) {
                Some(true) => {}
                Some(false) => self.note(format!(
                    "the kernel {} has no module `{bare}`, nor is it built in",
                    kernel.image.display()
                )),
                None => self.unseen(
                    "`drivers`: the kernel's lists of modules are not known",
                ),
            }
        }
        Ok(())
    }

    /// Options of the kernel.
    pub(super) fn needs(&mut self) {
        for (option, place) in self.read.needs.clone() {
            let path = [key("needs"), key(&option)];
            self.option(&path, &option, Side::Key);
            if !place.is_empty() && !place.starts_with('/') {
                let message = format!("`{place}` is no path of the guest");
                let expected = "a path that is there when the guest has the \
                                option, from / on, or nothing";
                self.wrong(&path, message, Some(expected.to_owned()), None);
            }
            let Some(kernel) = self.options.kernel.clone() else { continue };
            match kernel.has(&option) {
                Some(true) => {}
                Some(false) if self.lacks(&kernel, &option) => {}
                Some(false) => {
                    let message = format!(
                        "the kernel {} has no CONFIG_{option}",
                        kernel.image.display()
                    );
                    let expected = "another kernel, or a `lacks` in `on` \
                                    that says why";
                    self.wrong(&path, message, Some(expected.into()), None);
                }
                None => self
                    .unseen("`needs`: the kernel's configuration is not known"),
            }
        }
    }

    fn lacks(&self, kernel: &Kernel, option: &str) -> bool {
        self.read.on.iter().any(|(prefix, on)| {
            on.lacks.as_deref() == Some(option)
                && kernel.release().is_some_and(|it| it.starts_with(prefix))
        })
    }

    pub(super) fn option(&mut self, path: &[Step], option: &str, side: Side) {
        let plain = is_plain;
        let bare = option.trim().trim_start_matches("CONFIG_");
        let bare = bare.split('=').next().unwrap_or(bare);
        let has_letters = !option.is_empty() && option.chars().all(plain);
        let loud = option.chars().any(|c| !c.is_ascii_lowercase());
        if bare == option && has_letters && loud {
            return;
        }
        let meant = Some(bare.to_uppercase()).filter(|it| it != option);
        let place = locate(&self.text, path, side).unwrap_or(0..0);
        self.put(Problem::at(
            &self.file,
            &self.text,
            place,
            path_text(path),
            format!("`{option}` is no name of a kernel option here"),
            Some("its name without CONFIG_, as in ACPI_PCC".to_owned()),
            meant.filter(|it| !it.is_empty() && it.chars().all(plain)),
        ));
    }
}

/// The drivers of guest-scripts.
fn drivers() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-scripts");
    platform::with(&folder, "Kbuild")
}
