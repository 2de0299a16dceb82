//! The rules, by what they look at.

mod aml;
mod channels;
mod cpc;
mod interrupt;
mod linux;
mod live;
mod mask;
mod memory;
mod mixed;
mod platform;
mod reference;
mod register;
mod table;
mod timing;
mod user;
mod users;

use super::rule::Rule;

pub(super) const ALL: &[&[Rule]] = &[
    aml::RULES,
    cpc::RULES,
    interrupt::RULES,
    linux::RULES,
    live::RULES,
    mask::RULES,
    memory::RULES,
    mixed::RULES,
    platform::RULES,
    reference::RULES,
    register::RULES,
    table::RULES,
    timing::RULES,
    user::RULES,
    users::RULES,
];
