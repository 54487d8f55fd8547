//! Where MuJoCo's structures hold what is read of them; written by `layout.c`.

/// The version of MuJoCo whose structures these are.
pub(in crate::engine) const VERSION: i32 = 3017000;
/// What a state consists of that goes on exactly.
pub(in crate::engine) const INTEGRATION: i32 = 16383;
/// Kinds of named things.
pub(in crate::engine) const BODY: i32 = 1;
pub(in crate::engine) const CAMERA: i32 = 7;
/// Kinds of shapes.
pub(in crate::engine) const PLANE: i32 = 0;
pub(in crate::engine) const HEIGHT_FIELD: i32 = 1;
pub(in crate::engine) const BOX: i32 = 6;
pub(in crate::engine) const MESH: i32 = 7;
/// Kinds of cameras of a scene.
pub(in crate::engine) const CAMERA_FREE: i32 = 0;
pub(in crate::engine) const CAMERA_FIXED: i32 = 2;
/// What a scene shows: all.
pub(in crate::engine) const ALL: i32 = 7;
/// What is drawn into: memory.
pub(in crate::engine) const OFFSCREEN: i32 = 1;
/// Size of letters, of which none are drawn.
pub(in crate::engine) const FONT: i32 = 100;
/// Bytes of what the renderer works with.
pub(in crate::engine) const CAMERA_SIZE: usize = 72;
pub(in crate::engine) const OPTION_SIZE: usize = 92;
pub(in crate::engine) const SCENE_SIZE: usize = 11584;
pub(in crate::engine) const CONTEXT_SIZE: usize = 61512;
/// The severest kind of message.
pub(in crate::engine) const ERROR: i32 = 3;
/// Counts of warnings that mean too little memory for contacts, by their index.
pub(in crate::engine) const OVERFLOWS: [usize; 2] = [1, 2];
/// Counts of warnings that mean a divergence, by their index.
pub(in crate::engine) const DIVERGENCES: [usize; 3] = [3, 4, 5];
/// Bytes of the statistics of a warning.
pub(in crate::engine) const WARNING_SIZE: usize = 8;
/// Bytes from the start of a warning's statistics to its count.
pub(in crate::engine) const WARNING_NUMBER: usize = 4;

/// Offsets in `mjModel`.
pub(in crate::engine) mod model {
    pub(in crate::engine) const NQ: usize = 0;
    pub(in crate::engine) const NV: usize = 8;
    pub(in crate::engine) const NU: usize = 16;
    pub(in crate::engine) const NBODY: usize = 48;
    pub(in crate::engine) const NGEOM: usize = 136;
    pub(in crate::engine) const NSITE: usize = 144;
    pub(in crate::engine) const NCAM: usize = 152;
    pub(in crate::engine) const OPT_TIMESTEP: usize = 792;
    pub(in crate::engine) const STAT_EXTENT: usize = 1752;
    pub(in crate::engine) const STAT_CENTER: usize = 1760;
    pub(in crate::engine) const VIS_GLOBAL_FOVY: usize = 1104;
    pub(in crate::engine) const BODY_MASS: usize = 1944;
    pub(in crate::engine) const ACTUATOR_CTRLRANGE: usize = 4992;
    pub(in crate::engine) const GEOM_TYPE: usize = 2416;
    pub(in crate::engine) const GEOM_SIZE: usize = 2528;
    pub(in crate::engine) const GEOM_RBOUND: usize = 2544;
    pub(in crate::engine) const GEOM_RGBA: usize = 2624;
    pub(in crate::engine) const GEOM_GROUP: usize = 2472;
    pub(in crate::engine) const CAM_FOVY: usize = 2792;
}

/// Offsets in `mjData`.
pub(in crate::engine) mod data {
    pub(in crate::engine) const WARNING: usize = 160264;
    pub(in crate::engine) const QPOS: usize = 160688;
    pub(in crate::engine) const QVEL: usize = 160696;
    pub(in crate::engine) const CTRL: usize = 160736;
    pub(in crate::engine) const XPOS: usize = 160840;
    pub(in crate::engine) const XIPOS: usize = 160864;
    pub(in crate::engine) const SUBTREE_COM: usize = 160960;
    pub(in crate::engine) const CINERT: usize = 160976;
    pub(in crate::engine) const CVEL: usize = 161280;
    pub(in crate::engine) const QFRC_ACTUATOR: usize = 161408;
    pub(in crate::engine) const QFRC_CONSTRAINT: usize = 161432;
    pub(in crate::engine) const CFRC_EXT: usize = 161464;
    pub(in crate::engine) const SITE_XPOS: usize = 160912;
    pub(in crate::engine) const GEOM_XPOS: usize = 160896;
    pub(in crate::engine) const GEOM_XMAT: usize = 160904;
    pub(in crate::engine) const CAM_XPOS: usize = 160928;
    pub(in crate::engine) const CAM_XMAT: usize = 160936;
}

/// Offsets in `mjvCamera`.
pub(in crate::engine) mod camera {
    pub(in crate::engine) const TYPE: usize = 0;
    pub(in crate::engine) const FIXEDCAMID: usize = 4;
    pub(in crate::engine) const LOOKAT: usize = 16;
    pub(in crate::engine) const DISTANCE: usize = 40;
    pub(in crate::engine) const AZIMUTH: usize = 48;
    pub(in crate::engine) const ELEVATION: usize = 56;
}
