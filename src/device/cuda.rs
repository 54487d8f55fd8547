//! NVIDIA's cards through CUDA: what must be there, and what is said of what is missing.
//!
//! Burn's kernels are CUDA C++ that NVRTC compiles when they first run. So besides the driver, NVRTC and some
//! headers are needed; CubeCL looks for the headers where [`toolkit`] says, and panics where there is nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use slm_cuda::{
    COMPILER_NAMES, Compiler, CompilerError, DRIVER_NAMES, Driver, DriverError, Version,
};

use super::answer::answer;
use super::cards::{Card, CardKind};
use super::cuda_start::{start, toolkit};

/// How long the driver has to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a machine has for CUDA.
#[derive(Clone, Debug)]
pub(super) struct Found {
    driver: Result<Driver, DriverError>,
    /// The folder of a toolkit.
    toolkit: Option<PathBuf>,
    compiler: Result<Compiler, CompilerError>,
    /// Headers that the toolkit lacks.
    missing: Vec<&'static str>,
    /// The CUDA that its headers belong to, where they say it.
    headers: Option<Version>,
}

impl Found {
    /// On this machine.
    pub(super) fn here() -> Self {
        let toolkit = toolkit();
        let compiler = slm_cuda::compiler(toolkit.as_deref());
        let folder = toolkit.as_deref().map(include);
        let missing = folder.as_deref().map(slm_cuda::missing_headers).unwrap_or_default();
        let headers = folder.as_deref().and_then(slm_cuda::headers_version);
        Self { driver: slm_cuda::driver(), toolkit, compiler, missing, headers }
    }

    /// The driver, where all that training needs is there.
    fn usable(&self) -> Result<&Driver, String> {
        let driver = self.driver.as_ref().map_err(no_driver)?;
        let cuda = driver.cuda;
        if driver.cards.is_empty() {
            return Err(format!("NVIDIA's driver (CUDA {cuda}) has no card"));
        }
        let lacks = |what: String| {
            format!("NVIDIA's driver (CUDA {cuda}) is there, but {what}; {}", how(cuda))
        };
        let Some(toolkit) = &self.toolkit else {
            return Err(lacks("CUDA_PATH is not set, and there is no toolkit in /usr/local/cuda, /opt/cuda or /usr".to_owned()));
        };
        if !self.missing.is_empty() {
            let (folder, headers) = (include(toolkit), self.missing.join(" and "));
            return Err(lacks(format!("{} lacks {headers}", folder.display())));
        }
        self.compiler.as_ref().map_err(|error| lacks(no_compiler(error, toolkit)))?;
        Ok(driver)
    }

    /// What to add to why a card does not compute: code of a newer NVRTC is not loaded by older drivers, and
    /// one that the system has may go before one of another CUDA beside the headers.
    fn advice(&self) -> String {
        match (&self.driver, &self.compiler, self.headers) {
            (Ok(driver), Ok(compiler), _) if compiler.version > driver.cuda => format!(
                "; NVRTC {} is newer than the driver (CUDA {}), which may not load its code: install an \
                 NVRTC of at most {}, or a newer driver",
                compiler.version, driver.cuda, driver.cuda
            ),
            (_, Ok(compiler), Some(headers)) if compiler.version.major != headers.major => format!(
                "; NVRTC {} was found first, but the headers are CUDA {headers}'s: put the folder of their \
                 NVRTC into LD_LIBRARY_PATH",
                compiler.version
            ),
            _ => String::new(),
        }
    }

    /// Driver, NVRTC and headers, in words.
    pub(super) fn describe(&self) -> Vec<String> {
        let driver = match &self.driver {
            Ok(driver) => {
                let (cuda, n) = (driver.cuda, driver.cards.len());
                format!("driver for CUDA {cuda}, {n} card{}", if n == 1 { "" } else { "s" })
            }
            Err(error) => return vec![no_driver(error)],
        };
        let nvrtc = match &self.compiler {
            Ok(compiler) => format!("NVRTC {} ({})", compiler.version, compiler.library),
            Err(_) => "no NVRTC".to_owned(),
        };
        let headers = match (&self.toolkit, self.missing.as_slice()) {
            (None, _) => "no headers".to_owned(),
            (Some(toolkit), []) => format!("headers in {}", include(toolkit).display()),
            (Some(toolkit), missing) => {
                format!("{} lacks {}", include(toolkit).display(), missing.join(" and "))
            }
        };
        vec![driver, nvrtc, headers]
    }
}

/// Where to get what compiles kernels, none of it newer than the driver's CUDA.
///
/// NVIDIA's packages share one folder from CUDA 13 on; those of CUDA 12 have one each.
fn how(cuda: Version) -> String {
    const WHEN: &str = "kernels are compiled when they first run: install";
    let Version { major, minor } = cuda;
    if major < 12 {
        return format!("{WHEN} a driver for CUDA 12 or newer");
    }
    let (parts, kind, merge, folder) = if major == 12 {
        let merge = "cp -r cuda/nvidia/*/include cuda/nvidia/cuda_nvrtc/lib cuda && ";
        (["nvrtc", "runtime", "nvcc", "cccl"], "-cu12", merge, "cuda")
    } else {
        (["nvrtc", "runtime", "crt", "cccl"], "", "", "cuda/nvidia/cu13")
    };
    let above = minor + 1;
    let packages =
        parts.map(|part| format!("\"nvidia-cuda-{part}{kind}<{major}.{above}\"")).join(" ");
    format!(
        "{WHEN} NVIDIA's CUDA toolkit {cuda}, or `pip install --target cuda {packages} && {merge}export \
         CUDA_PATH=$PWD/{folder}`"
    )
}

fn include(toolkit: &Path) -> PathBuf {
    toolkit.join("include")
}

fn no_driver(error: &DriverError) -> String {
    match error {
        DriverError::NoLibrary => {
            format!("no driver of NVIDIA's was found ({})", DRIVER_NAMES.join(", "))
        }
        DriverError::Unusable(function) => format!("NVIDIA's driver lacks the function {function}"),
        DriverError::Refused { cuda: Some(cuda), error } => {
            format!("NVIDIA's driver (CUDA {cuda}) does not start: {error}")
        }
        DriverError::Refused { cuda: None, error } => {
            format!("NVIDIA's driver does not start: {error}")
        }
    }
}

fn no_compiler(error: &CompilerError, toolkit: &Path) -> String {
    match error {
        CompilerError::NoLibrary => {
            let names = COMPILER_NAMES.join(", ");
            format!("no NVRTC ({names}) was found, nor one below {}", toolkit.display())
        }
        CompilerError::Unusable(name) => format!("{name} is no NVRTC"),
    }
}

/// The cards, as CUDA numbers them.
pub(super) fn cards() -> Result<Vec<Card>, String> {
    let found = answer(PATIENCE, Found::here)?;
    let driver = found.usable()?;
    let advice = found.advice();
    let card = |(index, card): (usize, &slm_cuda::Card)| {
        let advice = advice.clone();
        Card {
            name: name(card),
            kind: CardKind::Cuda,
            start: Box::new(move || start(index).map_err(|reason| reason + &advice)),
        }
    };
    Ok(driver.cards.iter().enumerate().map(card).collect())
}

/// Driver, NVRTC and headers, one line each, where there is a driver.
pub(super) fn details() -> Vec<String> {
    match answer(PATIENCE, Found::here) {
        Ok(found) if found.driver.is_ok() => {
            found.describe().into_iter().map(|line| format!("cuda: {line}")).collect()
        }
        _ => Vec::new(),
    }
}

/// A card by name, memory and compute capability.
fn name(card: &slm_cuda::Card) -> String {
    let gibibytes = card.memory as f64 / f64::from(1 << 30);
    let (major, minor) = card.capability;
    format!("{}, {gibibytes:.1} GiB, compute capability {major}.{minor}", card.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUDA: Version = Version { major: 12, minor: 8 };

    /// A machine with all that is needed.
    fn complete() -> Found {
        let card = slm_cuda::Card {
            name: "NVIDIA H200".to_owned(),
            memory: 150_000_000_000,
            capability: (9, 0),
        };
        Found {
            driver: Ok(Driver { cuda: CUDA, cards: vec![card] }),
            toolkit: Some("/opt/cuda".into()),
            compiler: Ok(Compiler { version: CUDA, library: "libnvrtc.so.12" }),
            missing: Vec::new(),
            headers: Some(CUDA),
        }
    }

    fn reason(found: &Found) -> String {
        found.usable().expect_err("something is missing")
    }

    #[test]
    fn a_complete_machine_is_usable_and_described() {
        let found = complete();
        assert_eq!(found.usable().map(|driver| driver.cards.len()), Ok(1));
        assert_eq!(found.advice(), "");
        let said = found.describe();
        assert_eq!(
            said,
            [
                "driver for CUDA 12.8, 1 card",
                "NVRTC 12.8 (libnvrtc.so.12)",
                "headers in /opt/cuda/include"
            ]
        );
        // 150e9 / 2³⁰ = 139.7
        let card = &found.driver.unwrap().cards[0];
        assert_eq!(name(card), "NVIDIA H200, 139.7 GiB, compute capability 9.0");
    }

    #[test]
    fn a_driver_that_is_missing_or_does_not_start_is_named() {
        let none = Found { driver: Err(DriverError::NoLibrary), ..complete() };
        assert!(reason(&none).starts_with("no driver of NVIDIA's was found (libcuda.so, "));
        assert_eq!(none.describe(), [reason(&none)]);
        let error = "CUDA_ERROR_NO_DEVICE (100)".to_owned();
        let driver = Err(DriverError::Refused { cuda: Some(CUDA), error });
        let said = reason(&Found { driver, ..complete() });
        assert_eq!(said, "NVIDIA's driver (CUDA 12.8) does not start: CUDA_ERROR_NO_DEVICE (100)");
        let driver = Ok(Driver { cuda: CUDA, cards: Vec::new() });
        assert_eq!(
            reason(&Found { driver, ..complete() }),
            "NVIDIA's driver (CUDA 12.8) has no card"
        );
    }

    #[test]
    fn what_is_missing_to_compile_kernels_is_named_with_how_to_get_it() {
        let nowhere = Found { toolkit: None, ..complete() };
        let no_headers = Found { missing: vec!["mma.h", "crt/mma.h"], ..complete() };
        let no_nvrtc = Found { compiler: Err(CompilerError::NoLibrary), ..complete() };
        let other = Found { compiler: Err(CompilerError::Unusable("libnvrtc.so")), ..complete() };
        for (found, part) in [
            (
                nowhere,
                "but CUDA_PATH is not set, and there is no toolkit in /usr/local/cuda, /opt/cuda or /usr; kernels are",
            ),
            (no_headers, "but /opt/cuda/include lacks mma.h and crt/mma.h; kernels are"),
            (no_nvrtc, "libnvrtc.so.12) was found, nor one below /opt/cuda; kernels are"),
            (other, "but libnvrtc.so is no NVRTC; kernels are"),
        ] {
            let said = reason(&found);
            assert!(said.starts_with("NVIDIA's driver (CUDA 12.8) is there, but "), "{said}");
            assert!(said.contains(part) && said.contains("export CUDA_PATH="), "{said}");
        }
    }

    #[test]
    fn nothing_newer_than_the_driver_is_advised() {
        let [old, twelve, thirteen] =
            [(11, 8), (12, 8), (13, 0)].map(|(major, minor)| how(Version { major, minor }));
        assert!(old.ends_with("install a driver for CUDA 12 or newer"), "{old}");
        for part in
            ["toolkit 12.8,", "\"nvidia-cuda-nvrtc-cu12<12.9\"", "\"nvidia-cuda-nvcc-cu12<12.9\""]
        {
            assert!(twelve.contains(part), "{twelve}");
        }
        assert!(
            twelve.ends_with("/cuda_nvrtc/lib cuda && export CUDA_PATH=$PWD/cuda`"),
            "{twelve}"
        );
        for part in ["toolkit 13.0,", "\"nvidia-cuda-nvrtc<13.1\"", "\"nvidia-cuda-crt<13.1\""] {
            assert!(thirteen.contains(part), "{thirteen}");
        }
        assert!(thirteen.ends_with(" && export CUDA_PATH=$PWD/cuda/nvidia/cu13`"), "{thirteen}");
    }

    #[test]
    fn a_compiler_newer_than_the_driver_is_mentioned_where_a_card_fails() {
        let version = Version { major: 13, minor: 0 };
        let compiler = Ok(Compiler { version, library: "libnvrtc.so.13" });
        let found = Found { compiler, ..complete() };
        assert!(found.usable().is_ok(), "some of its code may be loaded");
        assert!(found.advice().starts_with("; NVRTC 13.0 is newer than the driver (CUDA 12.8)"));
    }

    #[test]
    fn a_compiler_of_another_cuda_than_the_headers_is_mentioned_where_a_card_fails() {
        let headers = Some(Version { major: 13, minor: 0 });
        let advice = Found { headers, ..complete() }.advice();
        assert!(
            advice.starts_with("; NVRTC 12.8 was found first, but the headers are CUDA 13.0's")
        );
    }
}
