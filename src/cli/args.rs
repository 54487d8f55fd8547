//! The grammar of the command line: what may be typed, and what `--help` says about it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use slm_lab::config::Given;
use slm_lab::device::DeviceChoice;

use super::run_args::{RunArgs, parse_count, parse_seconds, parse_setting};

const EXAMPLES: &str = "\
Examples:
  slm-lab                                     watch PPO learn to balance a pole
  slm-lab demo.json ppo_cartpole train        train all sessions; results go to data/
  slm-lab enjoy@data/ppo_cartpole_2026_...    play back what was learned, into a GIF
  slm-lab train@data/ppo_cartpole_2026_...    go on where a run was stopped
  slm-lab my_spec.yaml -s agent.algorithm.gamma=0.9
  slm-lab check my_spec.yaml                  everything that is wrong with a spec, at once

The word `run` may be left out. `slm-lab run --help` lists its options.";

const RUN_EXAMPLES: &str = "\
A spec file is looked for as given, then under specs/, then among those built in.
Every option can also be given by an environment variable of its name, in capitals:
LOG_LEVEL=DEBUG SEED=7 slm-lab demo.json ppo_cartpole train";

/// Deep reinforcement learning: an experiment is a spec file, a run is one command.
#[derive(Debug, Parser)]
#[command(name = "slm-lab", version, after_help = EXAMPLES, max_term_width = 100)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Train an agent, go on training it, or play it back.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Say everything that is wrong with a spec, or not built yet.
    Check(CheckArgs),
    /// Print the JSON schema of spec files, for editors.
    Schema,
    /// List, describe or step environments.
    #[command(subcommand)]
    Env(EnvCommand),
    /// List algorithms.
    #[command(subcommand)]
    Algorithm(AlgorithmCommand),
    /// Measure how fast specs are on this machine.
    Bench(BenchArgs),
    /// Say which devices, windows and files this program finds.
    Doctor(DoctorArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// `slm-lab check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Spec file, JSON or YAML.
    pub(super) spec_file: String,
    /// Which spec of the file [default: all].
    pub(super) spec_name: Option<String>,
    /// Fill `${KEY}` of the spec, or set a value by its dotted path; repeatable.
    #[arg(short, long, env = "SET", hide_env = true, value_name = "KEY=VALUE")]
    #[arg(value_delimiter = ';', value_parser = parse_setting)]
    pub(super) set: Vec<Given>,
    /// Make keys that nothing reads errors instead of warnings.
    #[arg(long, env = "STRICT", hide_env = true, value_parser = FalseyValueParser::new())]
    pub(super) strict: bool,
    /// Threads to count on [default: one per core]: so many sessions train at a time, and need memory.
    #[arg(long, env = "THREADS", hide_env = true, value_name = "N", value_parser = parse_count)]
    pub(super) threads: Option<usize>,
}

/// `slm-lab env`.
#[derive(Debug, Subcommand)]
pub(super) enum EnvCommand {
    /// List all environments.
    List,
    /// Describe an environment: spaces, time limit, options.
    Show {
        /// Its id, such as CartPole-v1.
        name: String,
    },
    /// Step an environment and write what it returns, as JSON lines.
    Rollout(RolloutArgs),
}

/// `slm-lab env rollout`.
#[derive(Debug, Args)]
pub(super) struct RolloutArgs {
    /// Its id, such as CartPole-v1.
    pub(super) name: String,
    /// Seed of the environment.
    #[arg(long, default_value_t = 0, value_name = "S")]
    pub(super) seed: u64,
    /// Repeat the actions of a recording.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "random",
        required_unless_present = "random"
    )]
    pub(super) actions: Option<PathBuf>,
    /// Take this many random actions.
    #[arg(long, value_name = "N")]
    pub(super) random: Option<u64>,
    /// Seed of the random actions.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub(super) action_seed: u64,
    /// Constructor options, such as '{"g": 9.81}'.
    #[arg(long, default_value = "{}", value_name = "JSON")]
    pub(super) kwargs: String,
    /// Write a 64-bit FNV-1a hash in place of observations.
    #[arg(long)]
    pub(super) digest: bool,
}

/// `slm-lab algorithm`.
#[derive(Debug, Subcommand)]
pub(super) enum AlgorithmCommand {
    /// List all algorithms.
    List,
}

/// `slm-lab bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Spec files, each with the name of one of its specs [default: four that are built in].
    #[arg(value_names = ["SPEC_FILE", "SPEC_NAME"], num_args = 0..)]
    pub(super) specs: Vec<String>,
    /// Fill `${KEY}` of every spec, or set a value by its dotted path; repeatable (in SET: separated by `;`).
    #[arg(short, long, env = "SET", hide_env = true, value_name = "KEY=VALUE")]
    #[arg(value_delimiter = ';', value_parser = parse_setting)]
    pub(super) set: Vec<Given>,
    /// How long to measure each spec; updates are measured whole, however long they take.
    #[arg(long, default_value_t = 10.0, value_name = "S", value_parser = parse_seconds)]
    pub(super) seconds: f64,
    /// Also write what was measured, and the machine, into this file.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Where networks train: auto (the first card, else the processor), cpu, cuda, cuda:N, wgpu, wgpu:N, or flex
    /// (the processor under Burn's kernels).
    #[arg(long, env = "DEVICE", hide_env = true, default_value_t, value_name = "DEVICE")]
    pub(super) device: DeviceChoice,
    /// Threads of networks and environments [default: one per core].
    #[arg(long, env = "THREADS", hide_env = true, value_name = "N", value_parser = parse_count)]
    pub(super) threads: Option<usize>,
}

/// `slm-lab doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Where the folders of runs lie.
    #[arg(long, env = "DATA_DIR", hide_env = true, default_value = "data", value_name = "DIR")]
    pub(super) data_dir: PathBuf,
}

/// The command line, read; ends the program with a message where it makes no sense.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Cli {
    let command = <Cli as clap::CommandFactory>::command();
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let command = names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |command| command.mut_args(without_empty_variable))
    });
    let words = with_run(words);
    let matches = command.get_matches_from(&words);
    let cli = <Cli as clap::FromArgMatches>::from_arg_matches(&matches);
    let mut cli = cli.unwrap_or_else(|error| error.exit());
    let settings = match &mut cli.command {
        Command::Run(args) => &mut args.set,
        Command::Check(args) => &mut args.set,
        Command::Bench(args) => &mut args.set,
        _ => return cli,
    };
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    for given in settings {
        given.option = option_of(&given.text, &words);
    }
    cli
}

/// Which of its spellings gave the setting `text`; none of the words did where it was the variable.
fn option_of(text: &str, words: &[&str]) -> &'static str {
    let is_after = |option: &str| {
        let apart = words.windows(2).any(|pair| pair[0] == option && pair[1].contains(text));
        apart || words.iter().any(|w| w.starts_with(option) && w[option.len()..].contains(text))
    };
    ["-s", "--set"].into_iter().find(|option| is_after(option)).unwrap_or("SET")
}

/// An environment variable that is set to nothing is as good as unset.
fn without_empty_variable(argument: clap::Arg) -> clap::Arg {
    let value = argument.get_env().and_then(std::env::var_os);
    if value.is_some_and(|value| value.is_empty()) {
        argument.env(clap::builder::Resettable::Reset)
    } else {
        argument
    }
}

/// The words after the program's name, with the word `run` put in where it was left out.
pub(super) fn with_run(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let first = words.get(1).and_then(|word| word.to_str());
    let is_top_level = |word: &str| {
        let flags = ["help", "-h", "--help", "-V", "--version"];
        flags.contains(&word) || command_names().contains(&word.to_owned())
    };
    if !first.is_some_and(is_top_level) {
        words.insert(1.min(words.len()), OsString::from("run"));
    }
    words
}

/// The names of all commands.
pub(super) fn command_names() -> Vec<String> {
    let cli = <Cli as clap::CommandFactory>::command();
    cli.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::mode::Mode;
    use super::super::run_args::{CompileSwitch, LogLevel, ProfileSwitch};
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    fn parse(text: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(with_run(words(text)))
    }

    fn run(text: &str) -> RunArgs {
        match parse(text).unwrap().command {
            Command::Run(args) => *args,
            other => panic!("{other:?} is no run"),
        }
    }

    #[test]
    fn the_grammar_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn the_word_run_may_be_left_out() {
        for text in ["slm-lab", "slm-lab run"] {
            assert_eq!(run(text).spec_file, None);
        }
        for text in ["slm-lab demo.json x train", "slm-lab run demo.json x train"] {
            let args = run(text);
            assert_eq!(
                (args.spec_file.as_deref(), args.mode),
                (Some("demo.json"), Some(Mode::Train))
            );
        }
        assert!(run("slm-lab --render").render);
        assert!(matches!(parse("slm-lab check x").unwrap().command, Command::Check(_)));
    }

    #[test]
    fn switches_take_slm_labs_values() {
        assert_eq!(run("slm-lab --profile").profile, ProfileSwitch::True);
        assert_eq!(run("slm-lab --profile=gpu").profile, ProfileSwitch::Gpu);
        assert_eq!(run("slm-lab a b dev").profile, ProfileSwitch::False);
        assert_eq!(run("slm-lab --torch-compile=auto").torch_compile, Some(CompileSwitch::Auto));
        assert_eq!(run("slm-lab --compile").torch_compile, Some(CompileSwitch::True));
        assert_eq!(run("slm-lab --log-level=warning").log_level, LogLevel::Warning);
    }

    #[test]
    fn settings_repeat() {
        let args = run("slm-lab a b -s env=ALE/Pong-v5 --set x.y=a=b");
        let texts: Vec<&str> = args.set.iter().map(|given| given.text.as_str()).collect();
        assert_eq!(texts, ["env=ALE/Pong-v5", "x.y=a=b"]);
    }

    #[test]
    fn the_option_that_gave_a_setting_is_known() {
        let words = ["x", "-s", "a.b=1", "--set", "c=2;d=3", "-se=4", "--set=f=5"];
        let option = |text| option_of(text, &words);
        assert_eq!(["a.b=1", "c=2", "d=3"].map(option), ["-s", "--set", "--set"]);
        assert_eq!(["e=4", "f=5", "g=6"].map(option), ["-s", "--set", "SET"]);
    }

    #[test]
    fn wrong_values_are_refused() {
        for text in [
            "slm-lab a b trian",
            "slm-lab --threads 0",
            "slm-lab --checkpoint-interval=-1",
            "slm-lab --device tpu",
            "slm-lab --seed x",
            "slm-lab --nonsense",
            "slm-lab a --job b",
            "slm-lab env rollout CartPole-v1",
        ] {
            assert_eq!(parse(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
