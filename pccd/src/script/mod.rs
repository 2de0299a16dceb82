//! What both kinds of handler files share.

pub(crate) mod budget;
