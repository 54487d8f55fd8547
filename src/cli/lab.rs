//! What every run of one command shares: terminal, window, Ctrl-C.

use std::thread::available_parallelism;
use std::time::Duration;

use slm_lab::device::{self, DeviceChoice, Devices};
use slm_lab::experiment::{Mode, RunOptions};

use super::failure::Failure;
use super::interrupt::Interrupt;
use super::progress::Console;
use super::run_args::{CompileSwitch, ProfileSwitch, RunArgs};
use super::terminal;
use super::window::Viewer;

/// The surroundings of a run.
pub(super) struct Lab<'a> {
    /// What was asked for.
    pub(super) args: &'a RunArgs,
    /// Where progress is shown.
    pub(super) console: Console,
    /// Raised by Ctrl-C.
    pub(super) interrupt: Interrupt,
}

impl<'a> Lab<'a> {
    /// Starts logging, listens for Ctrl-C, and opens the window if one is asked for.
    pub(super) fn new(args: &'a RunArgs) -> Self {
        let viewer = if args.render { open_window() } else { None };
        let console = Console::new(viewer);
        terminal::start_log(args.log_level, console.bars());
        if let Some(switch) = args.torch_compile {
            tracing::info!("{}", compile_notice(switch));
        }
        args.legacy.notices().iter().for_each(|notice| tracing::info!("{notice}"));
        let interrupt = Interrupt::listen(console.bars());
        Self { args, console, interrupt }
    }

    /// How many threads to train on.
    pub(super) fn threads(&self) -> usize {
        let all = if self.args.legacy.no_optimize_perf { 1 } else { cores() };
        self.args.threads.unwrap_or(all).min(cores())
    }

    /// How to train this many sessions, with devices ready.
    pub(super) fn run_options(
        &self,
        mode: Mode,
        sessions: usize,
        device: DeviceChoice,
    ) -> Result<RunOptions, Failure> {
        let args = self.args;
        if matches!(args.device, Some(DeviceChoice::Auto(_))) && device == DeviceChoice::Cpu {
            tracing::info!("training on the processor: that is where workers share their networks");
        }
        let mut options = RunOptions::new(mode, self.devices(device, sessions)?);
        let threads = self.threads();
        options.sessions_in_parallel = threads.min(sessions).max(1);
        options.threads = (threads / options.sessions_in_parallel).max(1);
        options.data_dir.clone_from(&args.data_dir);
        options.device = args.device;
        options.seed = args.seed;
        options.profile = args.profile != ProfileSwitch::False;
        if let Some(seconds) = args.checkpoint_interval {
            options.checkpoint_interval = Duration::from_secs_f64(seconds);
        }
        Ok(options)
    }

    fn devices(&self, choice: DeviceChoice, sessions: usize) -> Result<Devices, Failure> {
        let offset = self.args.cuda_offset;
        if offset > 0 && !choice.counts_cards() {
            tracing::info!("--cuda-offset counts graphics cards; the processor is only one");
        }
        let opened = device::open_for(choice, offset, sessions)?;
        opened.notice.iter().for_each(|notice| tracing::info!("{notice}"));
        Ok(opened.devices)
    }
}

/// Processors this program may use.
pub(super) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

fn open_window() -> Option<Viewer> {
    match Viewer::open("slm-lab") {
        Ok(viewer) => Some(viewer),
        Err(reason) => {
            terminal::say(&format!("--render: {reason}; writing a GIF instead"));
            None
        }
    }
}

fn compile_notice(switch: CompileSwitch) -> &'static str {
    match switch {
        CompileSwitch::Auto | CompileSwitch::True => {
            "--torch-compile: networks are compiled into this program already; nothing to switch on"
        }
        CompileSwitch::False => {
            "--torch-compile=false: networks are compiled into this program and stay so"
        }
    }
}
