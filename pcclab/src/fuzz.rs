//! A search for bugs of a driver: what its platform says is varied, again and
//! again, and what makes the guest's kernel go wrong is reproduced, made
//! small and written down. `docs/search.md` is the page for people.
//!
//! | module | does |
//! |---|---|
//! | [`scenario`] | one input: what is done in the guest, what becomes of the platform's answers |
//! | [`known`] | what the platform says when nothing is varied, and the edges of it |
//! | [`mutate`] | changes of a scenario |
//! | [`sweep`] | the scenarios with one change each, all of them |
//! | [`target`] | what runs scenarios |
//! | [`guest`] | a guest that does |
//! | [`pair`] | two of them, to compare
//! | [`hunt`] | runs, confirms, makes small |
//! | [`reduce`] | makes a scenario small that shows a bug
//! | [`store`] | the folder of a search |
//! | [`engine`] | LibAFL's loop on top |
//! | [`command`] | all of it, as `pcclab fuzz` does it |

pub mod command;
pub mod engine;
pub mod guest;
pub mod hunt;
pub mod known;
pub mod mutate;
pub mod pair;
pub mod reduce;
pub mod scenario;
pub mod store;
pub mod sweep;
pub mod target;
