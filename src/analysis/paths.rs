//! The folder of a run and the names of its files, as SLM-Lab names them.
//!
//! `data/{spec_name}_{timestamp}/` with `info/`, `graph/`, `log/`, `model/`; P stands for the spec
//! name below.

use std::fs;
use std::path::{Path, PathBuf};

use super::atomic_file::FileError;
use super::run_folder::{folder_safe, split_folder_name};

/// Which environment's episodes a session table or metric describes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DataMode {
    /// The training episodes.
    Train,
    /// Separate evaluation episodes.
    Eval,
}

impl DataMode {
    /// The word in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Eval => "eval",
        }
    }
}

/// Which saved state of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checkpoint {
    /// The newest.
    Latest,
    /// The one with the highest `total_reward_ma`.
    Best,
}

/// The folder of one run, from which every file name follows.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPaths {
    root: PathBuf,
    prefix: String,
}

impl RunPaths {
    /// The folder `{data}/{spec_name}_{timestamp}`; path separators in the name become `-`.
    pub fn new(data: &Path, spec_name: &str, timestamp: &str) -> Self {
        let prefix = folder_safe(spec_name);
        Self { root: data.join(format!("{prefix}_{timestamp}")), prefix }
    }

    /// An existing run's folder, whose name must end in a timestamp; `None` if it does not.
    pub fn from_folder(folder: &Path) -> Option<Self> {
        let (prefix, _) = split_folder_name(folder.file_name()?.to_str()?)?;
        Some(Self { root: folder.to_path_buf(), prefix: prefix.to_owned() })
    }

    /// The run's folder (SLM-Lab's predir).
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The spec name as it stands in file names.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Makes the run's folder and the four inside it.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn create_folders(&self) -> Result<(), FileError> {
        for name in ["info", "graph", "log", "model"] {
            let folder = self.root.join(name);
            fs::create_dir_all(&folder).map_err(FileError::at("create", &folder))?;
        }
        Ok(())
    }

    /// `P_spec.json`
    pub fn spec(&self) -> PathBuf {
        self.root.join(format!("{}_spec.json", self.prefix))
    }

    /// `P_t{trial}_spec.json`
    pub fn trial_spec(&self, trial: usize) -> PathBuf {
        self.root.join(format!("{}_spec.json", self.trial_name(trial)))
    }

    /// `P_t{trial}_s{session}_spec.json`
    pub fn session_spec(&self, trial: usize, session: usize) -> PathBuf {
        self.root.join(format!("{}_spec.json", self.session_name(trial, session)))
    }

    /// `log/P.log`
    pub fn log(&self) -> PathBuf {
        self.in_folder("log", &format!("{}.log", self.prefix))
    }

    /// `log/P_t{trial}_s{session}.log`
    pub fn session_log(&self, trial: usize, session: usize) -> PathBuf {
        self.in_folder("log", &format!("{}.log", self.session_name(trial, session)))
    }

    /// `log/P_t{trial}_s{session}/events.out.tfevents.slm-lab`
    ///
    /// One folder per session: `TensorBoard` takes a folder for one run and reads only its newest
    /// file.
    pub fn session_events(&self, trial: usize, session: usize) -> PathBuf {
        self.in_folder("log", &self.session_name(trial, session))
            .join("events.out.tfevents.slm-lab")
    }

    /// `info/P_t{trial}_s{session}_session_df_{mode}.csv`
    pub fn session_df(&self, trial: usize, session: usize, mode: DataMode) -> PathBuf {
        self.session_info(trial, session, &format!("session_df_{}.csv", mode.name()))
    }

    /// `info/P_t{trial}_s{session}_session_metrics_{mode}.json`
    pub fn session_metrics(&self, trial: usize, session: usize, mode: DataMode) -> PathBuf {
        self.session_info(trial, session, &format!("session_metrics_{}.json", mode.name()))
    }

    /// `info/P_t{trial}_s{session}_session_metrics_scalar_{mode}.json`
    pub fn session_metrics_scalar(&self, trial: usize, session: usize, mode: DataMode) -> PathBuf {
        self.session_info(trial, session, &format!("session_metrics_scalar_{}.json", mode.name()))
    }

    /// `info/P_t{trial}_trial_metrics.json`
    pub fn trial_metrics(&self, trial: usize) -> PathBuf {
        self.in_folder("info", &format!("{}_trial_metrics.json", self.trial_name(trial)))
    }

    /// `P_t{trial}_trial_metrics_scalar.json` in `info/` and, as a copy, in the run's folder.
    pub fn trial_metrics_scalar(&self, trial: usize) -> [PathBuf; 2] {
        let name = format!("{}_trial_metrics_scalar.json", self.trial_name(trial));
        [self.in_folder("info", &name), self.root.join(&name)]
    }

    /// `model/P_t{trial}_s{session}_{suffix}` or, for the best,
    /// `model/P_t{trial}_s{session}_ckpt-best_{suffix}`.
    pub fn model(
        &self,
        trial: usize,
        session: usize,
        checkpoint: Checkpoint,
        suffix: &str,
    ) -> PathBuf {
        let name = self.session_name(trial, session);
        match checkpoint {
            Checkpoint::Latest => self.in_folder("model", &format!("{name}_{suffix}")),
            Checkpoint::Best => self.in_folder("model", &format!("{name}_ckpt-best_{suffix}")),
        }
    }

    /// `graph/P_t{trial}_s{session}_session_graph_{mode}_{y}_vs_{x}`, without an extension.
    pub fn session_graph(
        &self,
        trial: usize,
        session: usize,
        mode: DataMode,
        (y, x): (&str, &str),
    ) -> PathBuf {
        let name = self.session_name(trial, session);
        self.in_folder("graph", &format!("{name}_session_graph_{}_{y}_vs_{x}", mode.name()))
    }

    /// `P_t{trial}_trial_graph_{y}_vs_{x}` in `graph/` and, as a copy, in the run's folder; without
    /// an extension.
    pub fn trial_graph(&self, trial: usize, (y, x): (&str, &str)) -> [PathBuf; 2] {
        let name = format!("{}_trial_graph_{y}_vs_{x}", self.trial_name(trial));
        [self.in_folder("graph", &name), self.root.join(&name)]
    }

    fn in_folder(&self, folder: &str, name: &str) -> PathBuf {
        self.root.join(folder).join(name)
    }

    fn session_info(&self, trial: usize, session: usize, suffix: &str) -> PathBuf {
        self.in_folder("info", &format!("{}_{suffix}", self.session_name(trial, session)))
    }

    fn trial_name(&self, trial: usize) -> String {
        format!("{}_t{trial}", self.prefix)
    }

    fn session_name(&self, trial: usize, session: usize) -> String {
        format!("{}_t{trial}_s{session}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunPaths {
        RunPaths::new(Path::new("data"), "ppo_cartpole", "2026_01_31_235959")
    }

    fn text(path: &Path) -> String {
        let shown = path.strip_prefix("data/ppo_cartpole_2026_01_31_235959").unwrap();
        shown.to_str().unwrap().to_owned()
    }

    #[test]
    fn info_names_are_slm_labs() {
        let run = run();
        let train = DataMode::Train;
        let names = [
            (run.session_df(0, 1, DataMode::Eval), "info/ppo_cartpole_t0_s1_session_df_eval.csv"),
            (
                run.session_metrics(0, 1, train),
                "info/ppo_cartpole_t0_s1_session_metrics_train.json",
            ),
            (
                run.session_metrics_scalar(0, 1, train),
                "info/ppo_cartpole_t0_s1_session_metrics_scalar_train.json",
            ),
            (run.trial_metrics(2), "info/ppo_cartpole_t2_trial_metrics.json"),
        ];
        for (path, expected) in names {
            assert_eq!(text(&path), expected);
        }
        let [info, copy] = run.trial_metrics_scalar(2);
        assert_eq!(text(&info), "info/ppo_cartpole_t2_trial_metrics_scalar.json");
        assert_eq!(text(&copy), "ppo_cartpole_t2_trial_metrics_scalar.json");
    }

    #[test]
    fn spec_log_and_model_names_are_slm_labs() {
        let run = run();
        let net = "net_model.pt";
        let names = [
            (run.spec(), "ppo_cartpole_spec.json"),
            (run.trial_spec(0), "ppo_cartpole_t0_spec.json"),
            (run.session_spec(0, 1), "ppo_cartpole_t0_s1_spec.json"),
            (run.log(), "log/ppo_cartpole.log"),
            (run.session_log(0, 1), "log/ppo_cartpole_t0_s1.log"),
            (run.model(0, 1, Checkpoint::Latest, net), "model/ppo_cartpole_t0_s1_net_model.pt"),
            (
                run.model(0, 1, Checkpoint::Best, net),
                "model/ppo_cartpole_t0_s1_ckpt-best_net_model.pt",
            ),
        ];
        for (path, expected) in names {
            assert_eq!(text(&path), expected);
        }
    }

    #[test]
    fn graph_names_are_slm_labs() {
        let (run, pair) = (run(), ("mean_returns", "frames"));
        assert_eq!(
            text(&run.session_graph(0, 1, DataMode::Train, pair)),
            "graph/ppo_cartpole_t0_s1_session_graph_train_mean_returns_vs_frames"
        );
        let [graph, copy] = run.trial_graph(0, pair);
        assert_eq!(text(&graph), "graph/ppo_cartpole_t0_trial_graph_mean_returns_vs_frames");
        assert_eq!(text(&copy), "ppo_cartpole_t0_trial_graph_mean_returns_vs_frames");
    }

    #[test]
    fn a_folder_gives_the_same_names_back() {
        assert_eq!(RunPaths::from_folder(run().root()), Some(run()));
        assert_eq!(RunPaths::from_folder(Path::new("data/ppo_cartpole")), None);
    }

    #[test]
    fn an_environment_name_in_the_spec_name_stays_one_folder() {
        let run = RunPaths::new(Path::new("data"), "ppo_ALE/Pong-v5", "2026_01_31_235959");
        assert_eq!(run.root(), Path::new("data/ppo_ALE-Pong-v5_2026_01_31_235959"));
    }
}
