//! Shared libraries by name, and functions in them.
#![allow(unsafe_code, reason = "a shared library's functions are called")]

use std::path::Path;

use libloading::Library;

/// A library that stays loaded as long as the process, and the name it was found by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    library: &'static Library,
    pub(crate) name: &'static str,
}

/// The first of `names` that the system finds, or else that lies in one of `folders`.
///
/// A library found in a folder is afterwards found by its name alone, as it is loaded already.
pub(crate) fn find(names: &[&'static str], folders: &[&Path]) -> Option<Found> {
    let anywhere = names.iter().map(|&name| (name, name.into()));
    let below =
        folders.iter().flat_map(|folder| names.iter().map(|&name| (name, folder.join(name))));
    anywhere.chain(below).find_map(|(name, path)| {
        // SAFETY: the names are those of NVIDIA's libraries, whose constructors only prepare themselves.
        let library = unsafe { Library::new(&path) }.ok()?;
        Some(Found { library: Box::leak(Box::new(library)), name })
    })
}

impl Found {
    /// The function `name`, of type `F`; none where the library is too old to have it.
    ///
    /// # Safety
    /// `F` is a pointer to a function with the parameters and the result that the function has.
    pub(crate) unsafe fn function<F: Copy>(self, name: &str) -> Option<F> {
        // SAFETY: as promised by the caller.
        unsafe { self.library.get::<F>(name.as_bytes()) }.ok().map(|symbol| *symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nowhere_is_not_found() {
        assert!(find(&["libnothing-of-the-kind.so"], &[Path::new("/nowhere")]).is_none());
    }
}
