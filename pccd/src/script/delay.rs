//! How long an answer waits.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::dice::Dice;
use super::problem::Wrong;

/// Longest delay, in milliseconds: a day. Longer is `never`.
pub(crate) const LONGEST: u64 = 86_400_000;

/// A delay as files have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delay {
    /// So many milliseconds.
    Fixed(u64),
    /// Some time between these, in milliseconds.
    Range(DelayRange),
    /// For ever: the platform hangs.
    Never,
}

/// A range of milliseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayRange {
    /// At least.
    pub from: u64,
    /// At most.
    pub to: u64,
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        struct DelayVisitor;

        impl<'de> Visitor<'de> for DelayVisitor {
            type Value = Delay;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "milliseconds, `{\"from\": 10, \"to\": 50}` or `\"never\"`",
                )
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Delay, E> {
                Ok(Delay::Fixed(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Delay, E> {
                match text {
                    "never" => Ok(Delay::Never),
                    _ => Err(E::invalid_value(
                        serde::de::Unexpected::Str(text),
                        &self,
                    )),
                }
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<Delay, A::Error> {
                let map = MapAccessDeserializer::new(map);
                DelayRange::deserialize(map).map(Delay::Range)
            }
        }

        deserializer.deserialize_any(DelayVisitor)
    }
}

impl JsonSchema for Delay {
    fn schema_name() -> Cow<'static, str> {
        "Delay".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<DelayRange>();
        json_schema!({
            "description": "Milliseconds, a range of them, or `never`.",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"const": "never"},
                range
            ]
        })
    }
}

impl Delay {
    pub fn check(&self) -> Result<(), Wrong> {
        let longest = match self {
            Self::Fixed(ms) => *ms,
            Self::Range(DelayRange { from, to }) if from > to => {
                let text = format!("{from} is more than {to}");
                return Err(Wrong::new(text, "the lower end in `from`"));
            }
            Self::Range(range) => range.to,
            Self::Never => 0,
        };
        if longest > LONGEST {
            let text = format!("a delay of {longest} ms");
            let day = "at most a day (86400000), or \"never\"";
            return Err(Wrong::new(text, day));
        }
        Ok(())
    }

    /// What it is this time.
    pub fn wait(delay: Option<&Self>, dice: &Dice) -> Wait {
        match delay {
            None => Wait::Ms(0),
            Some(Self::Fixed(ms)) => Wait::Ms(*ms),
            Some(Self::Range(DelayRange { from, to })) => {
                Wait::Ms(dice.roll(*from, *to))
            }
            Some(Self::Never) => Wait::Never,
        }
    }
}

/// How long an answer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Milliseconds.
    Ms(u64),
    /// For ever.
    Never,
}

impl Wait {
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ms(a), Self::Ms(b)) => Self::Ms(a.saturating_add(b)),
            _ => Self::Never,
        }
    }
}
