//! The arguments of `slm-lab run`.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use slm_lab::config::Given;
use slm_lab::device::DeviceChoice;

use super::legacy::LegacyArgs;
use super::mode::Mode;

const MODE_HELP: &str = "\
dev, train, train@latest, train@DIR, enjoy@latest, enjoy@DIR or enjoy@SESSION_SPEC_FILE [default: dev]";

/// `slm-lab run`.
#[derive(Clone, Debug, Args)]
pub(super) struct RunArgs {
    /// Spec file, JSON or YAML [default: demo.json].
    pub(super) spec_file: Option<String>,
    /// Which spec of the file [default: its only one].
    pub(super) spec_name: Option<String>,
    #[arg(value_parser = parse_mode, help = MODE_HELP)]
    pub(super) mode: Option<Mode>,

    /// Fill `${KEY}` of the spec, or set a value by its dotted path; repeatable (in SET: separated by `;`).
    #[arg(short, long, env = "SET", hide_env = true, value_name = "KEY=VALUE")]
    #[arg(value_delimiter = ';', value_parser = parse_setting)]
    pub(super) set: Vec<Given>,
    /// Seed from which every random number follows [default: the spec's, else chosen and recorded; enjoy: 0].
    #[arg(long, env = "SEED", hide_env = true, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Where networks train: auto (the first card, else the processor), cpu, cuda, cuda:N, wgpu, wgpu:N, or flex
    /// (the processor under Burn's kernels) [default: as the spec's net.gpu says, else cpu].
    #[arg(long, env = "DEVICE", hide_env = true, value_name = "DEVICE")]
    pub(super) device: Option<DeviceChoice>,
    /// Count graphics cards from this one on; sessions take the cards in turn.
    #[arg(long, env = "CUDA_OFFSET", hide_env = true, default_value_t = 0, value_name = "N")]
    pub(super) cuda_offset: usize,
    /// Threads to use at most [default: one per core]; results do not depend on it.
    #[arg(long, env = "THREADS", hide_env = true, value_name = "N", value_parser = parse_count)]
    pub(super) threads: Option<usize>,
    /// Show the environment in a window; without a display, a GIF at the end.
    #[arg(long, env = "RENDER", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(super) render: bool,

    /// Where the folders of runs lie.
    #[arg(long, env = "DATA_DIR", hide_env = true, default_value = "data", value_name = "DIR")]
    pub(super) data_dir: PathBuf,
    /// Shortest time between two checkpoints of a session: what a power cut can cost [default: 2].
    #[arg(long, env = "CHECKPOINT_INTERVAL", hide_env = true, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(super) checkpoint_interval: Option<f64>,
    /// Run one after another what a file lists as `{"spec_file": {"spec_name": "mode"}}`.
    #[arg(long, value_name = "FILE", conflicts_with = "spec_file")]
    pub(super) job: Option<PathBuf>,
    /// Make keys of the spec that nothing reads errors instead of warnings.
    #[arg(long, env = "STRICT", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(super) strict: bool,

    /// enjoy: draw actions from the policy instead of taking the likeliest.
    #[arg(long, env = "SAMPLE", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(super) sample: bool,
    /// enjoy: how many episodes to play [default: 4].
    #[arg(long, env = "EPISODES", hide_env = true, value_name = "N", value_parser = parse_count)]
    pub(super) episodes: Option<usize>,
    /// enjoy: where to write the GIF [default: in the run's folder `enjoy`].
    #[arg(long, env = "GIF", hide_env = true, value_name = "FILE")]
    pub(super) gif: Option<PathBuf>,

    /// How much to say; DEBUG adds the spec with every default.
    #[arg(long, env = "LOG_LEVEL", hide_env = true, value_enum, ignore_case = true)]
    #[arg(default_value = "INFO", value_name = "LEVEL")]
    pub(super) log_level: LogLevel,
    /// Measure where the time goes: a table at the end and a trace for Chrome or Perfetto. (`cpu` and `gpu` mean `true`.)
    #[arg(long, env = "PROFILE", hide_env = true, value_enum, ignore_case = true, num_args = 0..=1)]
    #[arg(require_equals = true, default_value = "false", default_missing_value = "true")]
    #[arg(value_name = "WHAT")]
    pub(super) profile: ProfileSwitch,
    /// Accepted from SLM-Lab; networks here are compiled ahead of time.
    #[arg(long, env = "TORCH_COMPILE", hide_env = true, value_enum, ignore_case = true)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(alias = "compile", value_name = "WHEN")]
    pub(super) torch_compile: Option<CompileSwitch>,
    /// Options of SLM-Lab that mean little here.
    #[command(flatten)]
    pub(super) legacy: LegacyArgs,
}

impl RunArgs {
    /// The job file: of `--job`, or of JOB where no spec is named.
    pub(super) fn job_file(&self) -> Option<PathBuf> {
        let by_variable = || std::env::var_os("JOB").filter(|path| !path.is_empty());
        match (&self.job, &self.spec_file) {
            (Some(path), _) => Some(path.clone()),
            (None, Some(_)) => None,
            (None, None) => by_variable().map(PathBuf::from),
        }
    }
}

/// How much to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(super) enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
}

/// Whether to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProfileSwitch {
    False,
    True,
    Cpu,
    Gpu,
}

/// When SLM-Lab compiles networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CompileSwitch {
    Auto,
    True,
    False,
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    text.parse()
}

/// A setting; which option gave it is seen when the whole command line has been read.
#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
pub(super) fn parse_setting(text: &str) -> Result<Given, String> {
    Ok(Given { option: "-s", text: text.to_owned() })
}

pub(super) fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("expected a whole number of at least 1".to_owned()),
    }
}

pub(super) fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=1e9).contains(&seconds) => Ok(seconds),
        _ => Err("expected seconds, 0 or more".to_owned()),
    }
}
