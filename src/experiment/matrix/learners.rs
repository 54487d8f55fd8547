//! The columns of the table: every algorithm, with the memories, actions, optimizers and schedules that it takes.

use super::probe::Acts::{self, Box, Choice, Choices};

/// An algorithm with its memory and how it trains its networks.
pub(super) struct Learner {
    pub(super) name: &'static str,
    pub(super) acts: Acts,
    /// Keys of `agent.algorithm`; here and below, names in capitals stand for sizes.
    pub(super) algorithm: &'static str,
    /// Keys of `agent.memory`.
    pub(super) memory: &'static str,
    /// Keys of `agent.net` that say how it is trained.
    pub(super) training: &'static str,
}

/// The columns of the table.
pub(super) const LEARNERS: &[Learner] = &[
    Learner {
        name: "Reinforce",
        acts: Choice,
        algorithm: "name: Reinforce, gamma: 0.9, training_frequency: STEPS",
        memory: "name: OnPolicyBatchReplay",
        training: "optim_spec: {name: Lookahead, optimizer: RAdam, lr: 0.01, k: 2}",
    },
    Learner {
        name: "Reinforce, episodes",
        acts: Choices,
        algorithm: "name: Reinforce, gamma: 0.9, training_frequency: EPISODES",
        memory: "name: OnPolicyReplay",
        training: "optim_spec: {name: RMSprop, lr: 0.01, momentum: 0.5}",
    },
    Learner {
        name: "Reinforce, best episodes",
        acts: Choice,
        algorithm: "name: Reinforce, gamma: 0.9, training_frequency: EPISODES",
        memory: "name: OnPolicyCrossEntropy, cross_entropy: 0.5",
        training: "optim_spec: {name: AdamW, lr: 0.01}",
    },
    Learner {
        name: "ActorCritic, GAE",
        acts: Choice,
        algorithm: "name: ActorCritic, gamma: 0.9, lam: 0.9, training_frequency: STEPS, \
            normalize_v_targets: true",
        memory: "name: OnPolicyBatchReplay",
        training: "shared: true, optim_spec: {name: GlobalRMSprop, lr: 0.01}",
    },
    Learner {
        name: "ActorCritic, n steps",
        acts: Box,
        algorithm: "name: ActorCritic, gamma: 0.9, num_step_returns: STEPS",
        memory: "name: OnPolicyBatchReplay",
        training: "shared: false, use_same_optim: false, log_std_init: -0.5, \
            optim_spec: {name: Adam, lr: 0.01}, critic_optim_spec: {name: SGD, lr: 0.01, momentum: 0.9}",
    },
    Learner {
        name: "PPO",
        acts: Choice,
        algorithm: "name: PPO, gamma: 0.9, lam: 0.9, time_horizon: STEPS, minibatch_size: BATCH, \
            training_epoch: 2, normalize_v_targets: true, \
            clip_eps_spec: {name: linear_decay, start_val: 0.2, end_val: 0.1, end_step: 150}, \
            entropy_coef_spec: {name: linear_decay, start_val: 0.1, end_val: 0.0, end_step: 150}",
        memory: "name: OnPolicyBatchReplay",
        training: "shared: true, clip_grad_val: 0.5, optim_spec: {name: Adam, lr: 0.01}, \
            lr_scheduler_spec: {name: LinearToZero, frame: 1000}",
    },
    Learner {
        name: "PPO of a box",
        acts: Box,
        algorithm: "name: PPO, gamma: 0.9, lam: 0.9, time_horizon: STEPS, minibatch_size: BATCH, \
            training_epoch: 2, clip_eps_spec: {name: no_decay, start_val: 0.2}",
        memory: "name: OnPolicyBatchReplay",
        training: "shared: false, use_same_optim: true, optim_spec: {name: Adam, lr: 0.01}, \
            lr_scheduler_spec: {name: ReduceLROnPlateau, factor: 0.5, patience: 1}",
    },
    Learner {
        name: "SIL",
        acts: Choice,
        algorithm: "name: SIL, gamma: 0.9, lam: 0.9, training_frequency: STEPS, training_iter: 2",
        memory: "name: OnPolicyBatchReplay, batch_size: BATCH, max_size: 100",
        training: "shared: false, use_same_optim: true, optim_spec: {name: Adam, lr: 0.01}",
    },
    Learner {
        name: "PPOSIL, priorities",
        acts: Choices,
        algorithm: "name: PPOSIL, gamma: 0.9, lam: 0.9, time_horizon: STEPS, minibatch_size: BATCH, \
            training_epoch: 1, training_iter: 2, clip_eps_spec: {name: no_decay, start_val: 0.2}",
        memory: "name: OnPolicyBatchReplay, sil_replay_name: PrioritizedReplay, batch_size: BATCH, \
            max_size: 100, alpha: 0.6, epsilon: 0.01",
        training: "shared: true, optim_spec: {name: Adam, lr: 0.01}",
    },
    Learner {
        name: "SARSA",
        acts: Choice,
        algorithm: "name: SARSA, gamma: 0.9, training_frequency: STEPS, action_policy: epsilon_greedy, \
            explore_var_spec: {name: linear_decay, start_val: 1.0, end_val: 0.1, end_step: 150}",
        memory: "name: OnPolicyBatchReplay",
        training: "optim_spec: {name: RMSprop, lr: 0.01}",
    },
    Learner {
        name: "VanillaDQN",
        acts: Choice,
        algorithm: "name: VanillaDQN, gamma: 0.9, training_frequency: 4, training_start_step: BATCH, \
            training_iter: 1, training_batch_iter: 2, action_policy: boltzmann, \
            explore_var_spec: {name: linear_decay, start_val: 3.0, end_val: 1.0, end_step: 150}",
        memory: "name: Replay, batch_size: BATCH, max_size: 64",
        training: "optim_spec: {name: RAdam, lr: 0.01}",
    },
    Learner {
        name: "DQN, combined replay",
        acts: Choice,
        algorithm: "name: DQN, gamma: 0.9, training_frequency: 4, training_start_step: BATCH, \
            training_iter: 2, training_batch_iter: 1, action_policy: epsilon_greedy, \
            explore_var_spec: {name: linear_decay, start_val: 1.0, end_val: 0.1, end_step: 150}",
        memory: "name: Replay, batch_size: BATCH, max_size: 100, use_cer: true",
        training: "optim_spec: {name: Adam, lr: 0.01}, update_type: replace, update_frequency: 24",
    },
    Learner {
        name: "DoubleDQN, priorities",
        acts: Choice,
        algorithm: "name: DoubleDQN, gamma: 0.9, training_frequency: 4, training_start_step: BATCH, \
            training_iter: 1, training_batch_iter: 1, action_policy: epsilon_greedy, \
            explore_var_spec: {name: linear_decay, start_val: 1.0, end_val: 0.1, end_step: 150}",
        memory: "name: PrioritizedReplay, batch_size: BATCH, max_size: 100, alpha: 0.6, epsilon: 0.01, \
            use_cer: true, beta_spec: {name: linear_decay, start_val: 0.4, end_val: 1.0, end_step: 150}",
        training: "optim_spec: {name: Adam, lr: 0.01}, update_type: polyak, polyak_coef: 0.1",
    },
    Learner {
        name: "HydraDQN",
        acts: Choices,
        algorithm: "name: HydraDQN, gamma: 0.9, training_frequency: 4, training_start_step: BATCH, \
            training_iter: 1, training_batch_iter: 1, action_policy: epsilon_greedy, \
            explore_var_spec: {name: linear_decay, start_val: 1.0, end_val: 0.1, end_step: 150}",
        memory: "name: Replay, batch_size: BATCH, max_size: 100",
        training: "optim_spec: {name: SGD, lr: 0.01, momentum: 0.9}, update_frequency: 24",
    },
    Learner {
        name: "SAC, priorities",
        acts: Box,
        algorithm: "name: SoftActorCritic, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH",
        memory: "name: PrioritizedReplay, batch_size: BATCH, max_size: 100, alpha: 0.6, epsilon: 0.01",
        training: "optim_spec: {name: Adam, lr: 0.01}, update_type: polyak, polyak_coef: 0.1",
    },
    Learner {
        name: "SAC of a choice",
        acts: Choice,
        algorithm: "name: SoftActorCritic, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH, policy_delay: 2, symlog: true, entropy_penalty_coef: 0.1",
        memory: "name: Replay, batch_size: BATCH, max_size: 100",
        training: "optim_spec: {name: AdamW, lr: 0.01}, update_type: replace, update_frequency: 24",
    },
    Learner {
        name: "SAC, straight through",
        acts: Choice,
        algorithm: "name: SoftActorCritic, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH, action_pdtype: GumbelSoftmax",
        memory: "name: Replay, batch_size: BATCH, max_size: 100, use_cer: true",
        training: "optim_spec: {name: GlobalAdam, lr: 0.01}, update_type: polyak, polyak_coef: 0.1",
    },
    Learner {
        name: "SAC, spectral norm",
        acts: Choice,
        algorithm: "name: SoftActorCritic, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH, spectral_norm: true",
        memory: "name: Replay, batch_size: BATCH, max_size: 100",
        training: "optim_spec: {name: Adam, lr: 0.01}, update_type: polyak, polyak_coef: 0.1",
    },
    Learner {
        name: "CrossQ",
        acts: Box,
        algorithm: "name: CrossQ, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH, policy_delay: 3",
        memory: "name: Replay, batch_size: BATCH, max_size: 100",
        training: "optim_spec: {name: Adam, lr: 0.01, betas: [0.5, 0.999]}",
    },
    Learner {
        name: "CrossQ of a choice",
        acts: Choice,
        algorithm: "name: CrossQ, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH",
        memory: "name: Replay, batch_size: BATCH, max_size: 100",
        training: "optim_spec: {name: Adam, lr: 0.01}",
    },
    Learner {
        name: "DDPG",
        acts: Box,
        algorithm: "name: DDPG, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH, \
            explore_var_spec: {name: linear_decay, start_val: 0.5, end_val: 0.1, end_step: 150}",
        memory: "name: Replay, batch_size: BATCH, max_size: 100",
        training: "optim_spec: {name: Adam, lr: 0.01}, update_type: polyak, polyak_coef: 0.1",
    },
    Learner {
        name: "TD3, priorities",
        acts: Box,
        algorithm: "name: TD3, gamma: 0.9, training_frequency: 8, training_iter: 1, \
            training_start_step: BATCH",
        memory: "name: PrioritizedReplay, batch_size: BATCH, max_size: 100, alpha: 0.6, epsilon: 0.01",
        training: "optim_spec: {name: Adam, lr: 0.01}, update_type: polyak, polyak_coef: 0.1",
    },
];
