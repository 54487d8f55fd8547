//! Shared libraries by name, and functions in them.
#![allow(unsafe_code, reason = "a shared library's functions are called")]

use std::path::{Path, PathBuf};

use libloading::Library;

/// A library that stays loaded as long as the process, and the name it was found by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    library: &'static Library,
    pub(crate) name: &'static str,
}

/// The first of `names` that the system finds, or else the one that lies in one of `folders`.
///
/// What lies in a folder is loaded first: by a name that it gives itself it is then what the system finds, for
/// whoever asks in this process.
pub(crate) fn find(names: &[&'static str], folders: &[PathBuf]) -> Option<Found> {
    let mut below =
        folders.iter().flat_map(|folder| names.iter().map(move |&name| (name, folder.join(name))));
    let beside = below.find_map(|(name, path)| load(name, &path));
    names.iter().find_map(|&name| load(name, Path::new(name))).or(beside)
}

/// Loads a library that others then open by its name alone, if it lies in one of `folders`.
pub(crate) fn keep(name: &str, folders: &[PathBuf]) {
    let _ = folders.iter().find_map(|folder| load("", &folder.join(name)));
}

fn load(name: &'static str, path: &Path) -> Option<Found> {
    // SAFETY: the names are those of NVIDIA's libraries, whose constructors only prepare themselves.
    let library = unsafe { Library::new(path) }.ok()?;
    Some(Found { library: Box::leak(Box::new(library)), name })
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
    use std::fs;

    use super::*;

    #[test]
    fn what_is_nowhere_is_not_found() {
        assert!(find(&["libnothing-of-the-kind.so"], &["/nowhere".into()]).is_none());
    }

    /// A copy of a library that this process has, under a name that no other has.
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn what_lies_in_a_folder_is_found_there_alone() {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
        let path = paths.find(|path| path.contains("/libgcc_s.so")).expect("the process has it");
        let folder = std::env::temp_dir().join(format!("slm-cuda-library-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::copy(path, folder.join("libslm-copy.so")).unwrap();
        let found =
            find(&["libslm-none.so", "libslm-copy.so"], &["/nowhere".into(), folder.clone()]);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.map(|found| found.name), Some("libslm-copy.so"));
        assert!(find(&["libslm-copy.so"], &[]).is_none());
    }
}
