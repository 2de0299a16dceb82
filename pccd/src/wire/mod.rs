//! Bytes to values and back, one file a layer.
//!
//! Nothing here opens a file, reads a clock or keeps state. Decoders take
//! any bytes and never panic; open code spaces are enums that keep what they
//! do not know. All layouts are tables ([`layout`]), so that what the log
//! prints, what a handler matches and what it answers are the same fields.

pub mod assembly;
pub mod checksum;
pub(crate) mod control;
pub(crate) mod encode;
pub(crate) mod error;
pub mod layout;
pub mod mctp;
pub mod message;
pub(crate) mod nvme_mi;
mod overwrite;
pub mod pcc;
pub(crate) mod pldm;
pub(crate) mod rebuild;
pub mod refuse;
pub mod region;
pub mod scmi;
pub(crate) mod spdm;
mod summary;
pub mod text;
pub(crate) mod vendor;
pub(crate) mod version;
pub(crate) mod walk;

pub use error::{DecodeError, EncodeError};

/// Defines an open code space: an enum of the codes a specification names,
/// with `Unknown` for all others, so that every value converts and back.
macro_rules! codes {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($variant:ident = $value:literal, $text:literal;)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`, ", stringify!($value), ".")]
                $variant,
            )*
            /// A code the specification does not name.
            Unknown(u8),
        }

        impl $name {
            /// The named codes, for printing and for matching by name.
            pub const NAMES: $crate::wire::layout::Names =
                &[$(($value, $text)),*];

            /// The specification's name, if it has one.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($text),)*
                    Self::Unknown(_) => None,
                }
            }
        }

        impl From<u8> for $name {
            fn from(code: u8) -> Self {
                match code {
                    $($value => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }
        }

        impl From<$name> for u8 {
            fn from(code: $name) -> u8 {
                match code {
                    $($name::$variant => $value,)*
                    $name::Unknown(other) => other,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(
                &self,
                f: &mut std::fmt::Formatter<'_>,
            ) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{:#04x}", u8::from(*self)),
                }
            }
        }
    };
}
use codes;
