//! ASL to AML, with `iasl`. What was compiled once is kept in the cache:
//! a run compiles only what is new.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::machine::Table;

/// The folder of the build scripts' cache.
///
/// # Errors
/// When the environment names none.
pub fn cache() -> Result<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = match (var("PCCD_CACHE"), var("XDG_CACHE_HOME"), var("HOME")) {
        (Some(cache), ..) => PathBuf::from(cache),
        (None, Some(cache), _) => Path::new(&cache).join("pccd"),
        (None, None, Some(home)) => Path::new(&home).join(".cache/pccd"),
        _ => bail!("neither PCCD_CACHE nor HOME is set"),
    };
    Ok(folder.join("aml"))
}

/// The table compiled, in `cache`.
///
/// # Errors
/// When there is no `iasl` and it would be needed, or it refuses the source.
pub fn compile(table: &Table, cache: &Path) -> Result<PathBuf> {
    let source = std::fs::read_to_string(&table.asl)
        .with_context(|| format!("reading {}", table.asl.display()))?;
    let mut text: String = table
        .defines
        .iter()
        .map(|(name, value)| format!("#define {name} {value}\n"))
        .collect();
    text.push_str(&source);
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let stem = table.asl.file_stem().unwrap_or_default().to_string_lossy();
    let aml = cache.join(format!("{stem}-{:016x}.aml", hasher.finish()));
    if aml.is_file() {
        return Ok(aml);
    }

    std::fs::create_dir_all(cache)
        .with_context(|| format!("making {}", cache.display()))?;
    let folder = tempfile::tempdir_in(cache)?;
    let wrapped = folder.path().join("table.asl");
    std::fs::write(&wrapped, &text)?;
    let output = Command::new("iasl")
        .args(["-p", "table", "table.asl"])
        .current_dir(folder.path())
        .output()
        .context("starting iasl (Debian has it in acpica-tools)")?;
    if !output.status.success() {
        bail!(
            "iasl refuses {} (its line {} is the first):\n{}{}",
            table.asl.display(),
            table.defines.len() + 1,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    std::fs::rename(folder.path().join("table.aml"), &aml)
        .with_context(|| format!("writing {}", aml.display()))?;
    Ok(aml)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASL: &str = "DefinitionBlock (\"\", \"SSDT\", 2, \"PCCD\", \"T\", 1)
{
#ifdef MODE_POLL
  Name (POLL, CHANNEL_X)
#endif
  Name (ANY, 1)
}
";

    #[test]
    fn a_table_is_compiled_once_a_setting() {
        let folder = tempfile::tempdir().unwrap();
        let asl = folder.path().join("t.asl");
        std::fs::write(&asl, ASL).unwrap();
        let table = |mode: &str| Table {
            asl: asl.clone(),
            defines: vec![
                (mode.to_owned(), "1".to_owned()),
                ("CHANNEL_X".to_owned(), "0x77".to_owned()),
            ],
        };
        let cache = folder.path().join("cache");
        let irq = compile(&table("MODE_IRQ"), &cache).unwrap();
        let poll = compile(&table("MODE_POLL"), &cache).unwrap();
        let bytes = std::fs::read(&poll).unwrap();
        assert!(bytes.windows(4).any(|w| w == b"POLL"));
        assert!(bytes.contains(&0x77));
        let bytes = std::fs::read(&irq).unwrap();
        assert!(!bytes.windows(4).any(|w| w == b"POLL"));
        // From the cache: what lies there is taken as it is.
        std::fs::write(&irq, "mine").unwrap();
        assert_eq!(compile(&table("MODE_IRQ"), &cache).unwrap(), irq);
        assert_eq!(std::fs::read(&irq).unwrap(), b"mine");
        // Nothing else is left behind.
        assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 2);

        std::fs::write(&asl, "DefinitionBlock (nonsense").unwrap();
        let error = compile(&table("MODE_IRQ"), &cache).unwrap_err();
        assert!(error.to_string().contains("t.asl"), "{error}");
        assert!(error.to_string().contains("rror"), "{error}");
    }
}
