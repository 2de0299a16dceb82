//! The rules of conduct.
#![allow(missing_docs)]
pub struct Rule {
    pub id: &'static str,
    pub paragraph: &'static str,
    pub says: &'static str,
}
pub const RULES: &[Rule] = &[
    Rule { id: "turnaround", paragraph: "ACPI", says: "" },
    Rule { id: "rate", paragraph: "ACPI", says: "" },
    Rule { id: "doorbell-busy", paragraph: "ACPI", says: "" },
    Rule { id: "doorbell-complete", paragraph: "ACPI", says: "" },
    Rule { id: "completion-side", paragraph: "ACPI", says: "" },
    Rule { id: "preserve", paragraph: "ACPI", says: "" },
    Rule { id: "register-access", paragraph: "ACPI", says: "" },
    Rule { id: "acknowledge-twice", paragraph: "ACPI", says: "" },
];
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id)
}
