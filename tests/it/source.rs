//! The repository's Rust files as text, for tests that look for what must not be there.

use std::fs;
use std::path::Path;

use crate::comparison::files;

/// Folders of the library and of the leaf crates.
pub(crate) const CODE: [&str; 5] = ["src", "envs", "policy", "kernels", "cuda"];

/// A Rust file: its path below the repository, all its text, and its code without comments and tests.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) code: String,
}

impl Source {
    /// Whether it lies at or below one of these places.
    pub(crate) fn is_below(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file of these folders.
pub(crate) fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        for file in files(&repository().join(folder)) {
            if file.extension().is_some_and(|extension| extension == "rs") {
                found.push(source(&Path::new(folder).join(file)));
            }
        }
    }
    assert!(!found.is_empty(), "{folders:?} hold no Rust files");
    found
}

fn source(path: &Path) -> Source {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: Vec<&str> = lines.map(|line| line.split(" // ").next().unwrap_or(line)).collect();
    let code = code.join("\n");
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
    Source { path: path.to_string_lossy().into_owned(), text, code }
}

/// Files that are compiled for tests only: those that a `mod.rs` declares so.
fn is_test_only(file: &Source) -> bool {
    let path = Path::new(&file.path);
    let is_test_folder = path.components().any(|part| part.as_os_str() == "tests");
    let parent = repository().join(path).with_file_name("mod.rs");
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let declaration = format!("#[cfg(test)]\nmod {name};");
    is_test_folder || fs::read_to_string(parent).is_ok_and(|text| text.contains(&declaration))
}

/// Production code of the library and of the leaf crates.
pub(crate) fn production() -> Vec<Source> {
    let mut all = sources(&CODE);
    all.retain(|file| !is_test_only(file));
    all
}

/// The text of a file of the repository.
pub(crate) fn read(path: &Path) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Whether `word` stands in `text` with no letter, digit or underscore beside it.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next())
    })
}

#[test]
fn the_search_sees_whole_words_of_code_and_neither_comments_nor_tests() {
    assert!(has_word("let now = std::time::Instant::now();", "std::time"));
    assert!(has_word("if done {", "done"));
    assert!(!has_word("let abandoned = is_done;", "done"));
    let generator = source(Path::new("envs/core/src/rng.rs"));
    assert!(generator.text.starts_with("//! ") && generator.text.contains("#[test]"));
    assert!(generator.code.contains("pub struct Rng"));
    assert!(!generator.code.contains("//!") && !generator.code.contains("#[test]"));
}
