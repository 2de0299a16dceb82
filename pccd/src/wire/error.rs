//! Why bytes could not be read as a layer's values.

use std::error::Error;
use std::fmt;

/// A refusal of one of the wire layers. It names the layer, the place and
/// what would have been right, so that it can be shown to people as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the layer does.
    Incomplete {
        /// Layer that was being read, as in field names.
        layer: &'static str,
        /// What is missing.
        what: &'static str,
        /// Bytes needed from the start of the layer.
        needed: usize,
        /// Bytes there were.
        found: usize,
    },
    /// A field holds what this layer does not accept.
    Invalid {
        /// Layer that was being read, as in field names.
        layer: &'static str,
        /// Field, by its specification name.
        field: &'static str,
        /// Offset of the field from the start of the layer.
        offset: usize,
        /// What would have been right.
        expected: String,
        /// What was there.
        found: String,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete { layer, what, needed, found } => write!(
                f,
                "{layer} {what} needs {needed} bytes, there are {found}"
            ),
            Self::Invalid { layer, field, offset, expected, found } => write!(
                f,
                "{layer} {field} at byte {offset} is {found}, expected \
                 {expected}"
            ),
        }
    }
}

impl Error for DecodeError {}

/// Why fields could not be made into bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A field of the message has no value.
    Missing {
        /// Full name, `layer.name`.
        field: String,
    },
    /// A value does not fit its field.
    TooLarge {
        /// Full name, `layer.name`.
        field: String,
        /// What fits, as in "8 bits" or "16 bytes".
        room: String,
    },
    /// A field was given that this message does not have.
    Unknown {
        /// Full name, `layer.name`.
        field: String,
        /// The fields it has.
        known: Vec<String>,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { field } => {
                write!(f, "field `{field}` has no value")
            }
            Self::TooLarge { field, room } => {
                write!(f, "field `{field}` has room for {room}")
            }
            Self::Unknown { field, .. } => {
                write!(f, "this message has no field `{field}`")
            }
        }
    }
}

impl Error for EncodeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_place() {
        let error = DecodeError::Invalid {
            layer: "pcc",
            field: "length",
            offset: 8,
            expected: "11".into(),
            found: "64".into(),
        };
        assert_eq!(
            error.to_string(),
            "pcc length at byte 8 is 64, expected 11"
        );
        let error = DecodeError::Incomplete {
            layer: "mctp",
            what: "header",
            needed: 4,
            found: 1,
        };
        assert_eq!(error.to_string(), "mctp header needs 4 bytes, there are 1");
    }
}
