//! The constructor options that every environment here takes.

use slm_env::{OptionDef, OptionKind};

/// The options of an environment: its own after those that all take.
macro_rules! options {
    ($($name:literal $kind:ident $summary:literal,)*) => {
        &[
            $crate::options::XML_FILE,
            $crate::options::FRAME_SKIP,
            $(slm_env::OptionDef {
                name: $name,
                kind: slm_env::OptionKind::$kind,
                summary: $summary,
            },)*
            $crate::options::WIDTH,
            $crate::options::HEIGHT,
            $crate::options::CAMERA_ID,
            $crate::options::CAMERA_NAME,
            $crate::options::CAMERA_CONFIG,
        ]
    };
}
pub(crate) use options;

pub(crate) const XML_FILE: OptionDef = OptionDef {
    name: "xml_file",
    kind: OptionKind::Text,
    summary: "the model: one of Gymnasium's, or a path that starts with ., / or ~",
};

pub(crate) const FRAME_SKIP: OptionDef = OptionDef {
    name: "frame_skip",
    kind: OptionKind::Count,
    summary: "steps of the physics in a step",
};

pub(crate) const WIDTH: OptionDef = OptionDef {
    name: "width",
    kind: OptionKind::Count,
    summary: "width of the picture in pixels (480)",
};

pub(crate) const HEIGHT: OptionDef = OptionDef {
    name: "height",
    kind: OptionKind::Count,
    summary: "height of the picture in pixels (480)",
};

pub(crate) const CAMERA_ID: OptionDef = OptionDef {
    name: "camera_id",
    kind: OptionKind::Count,
    summary: "the model's camera that the picture is taken with, by number",
};

pub(crate) const CAMERA_NAME: OptionDef = OptionDef {
    name: "camera_name",
    kind: OptionKind::Text,
    summary: "the same by name (track, where the model has it)",
};

pub(crate) const CAMERA_CONFIG: OptionDef = OptionDef {
    name: "default_camera_config",
    kind: OptionKind::Numbers,
    summary: "a free camera in place of the task's: distance, lookat, azimuth, elevation, trackbodyid",
};
