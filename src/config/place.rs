//! Where something was written, for messages about what turns out only later.

use super::node::Node;

/// A part of a spec file. Any two are equal: a place is no part of what a spec says.
#[derive(Clone, Debug)]
pub struct Place(pub Node);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
