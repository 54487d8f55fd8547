//! The functions of MuJoCo's library that are called.

use std::ffi::{CStr, c_char, c_int, c_void};

use libloading::Library;

use super::layout;

/// An `mjModel`, whose fields are read by their offsets.
#[repr(C, align(8))]
pub(super) struct RawModel {
    _opaque: [u8; 0],
}

/// An `mjData`, whose fields are read by their offsets.
#[repr(C, align(8))]
pub(super) struct RawData {
    _opaque: [u8; 0],
}

/// An `mjVFS`: files in memory.
#[repr(C)]
pub(super) struct Files {
    pub(super) implementation: *mut c_void,
}

/// The start of an `mjLogMessage`.
#[repr(C)]
pub(super) struct Message {
    level: c_int,
    topic: c_int,
    subject: [c_char; 1024],
}

/// Declares the table of functions and how it is filled from a library. MuJoCo's functions may unwind: an error
/// that it can not go on from leaves them as a panic.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// MuJoCo's functions, by their names.
        pub(crate) struct Api {
            $(pub(super) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
            /// Keeps the functions where they are.
            _library: Library,
        }

        impl Api {
            /// The functions of a library.
            fn find(library: Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of MuJoCo's header `mujoco.h`.
                unsafe { Ok(Self { $($name: *library.get(stringify!($name).as_bytes())?,)* _library: library }) }
            }
        }
    };
}

functions! {
    mj_version: fn() -> c_int;
    mju_setLogHandler: fn(Option<unsafe extern "C-unwind" fn(*const Message)>) -> *mut c_void;
    mj_defaultVFS: fn(*mut Files);
    mj_addBufferVFS: fn(*mut Files, *const c_char, *const c_void, c_int) -> c_int;
    mj_deleteVFS: fn(*mut Files);
    mj_loadXML: fn(*const c_char, *const Files, *mut c_char, c_int) -> *mut RawModel;
    mj_deleteModel: fn(*mut RawModel);
    mj_name2id: fn(*const RawModel, c_int, *const c_char) -> c_int;
    mj_makeData: fn(*const RawModel) -> *mut RawData;
    mj_deleteData: fn(*mut RawData);
    mj_resetData: fn(*const RawModel, *mut RawData);
    mj_forward: fn(*const RawModel, *mut RawData);
    mj_step: fn(*const RawModel, *mut RawData);
    mj_rnePostConstraint: fn(*const RawModel, *mut RawData);
    mj_kinematics: fn(*const RawModel, *mut RawData);
    mj_comPos: fn(*const RawModel, *mut RawData);
    mj_camlight: fn(*const RawModel, *mut RawData);
    mj_stateSize: fn(*const RawModel, c_int) -> c_int;
    mj_getState: fn(*const RawModel, *const RawData, *mut f64, c_int);
    mj_setState: fn(*const RawModel, *mut RawData, *const f64, c_int);
    mj_rayHfield: fn(*const RawModel, *const RawData, c_int, *const f64, *const f64, *mut f64) -> f64;
    mj_rayMesh: fn(*const RawModel, *const RawData, c_int, *const f64, *const f64, *mut f64) -> f64;
    mju_rayGeom: fn(*const f64, *const f64, *const f64, *const f64, *const f64, c_int, *mut f64) -> f64;
}

impl Api {
    /// The functions of MuJoCo 3.17.0, made ready; a reason where the library is another.
    pub(super) fn new(library: Library) -> Result<Self, String> {
        let api = Self::find(library).map_err(|error| error.to_string())?;
        // SAFETY: it takes nothing and returns a constant.
        let version = unsafe { (api.mj_version)() };
        if version != layout::VERSION {
            return Err(format!("it is version {version}, not {}", layout::VERSION));
        }
        // SAFETY: nothing else has the library yet, and the handler is a function, so it stays.
        unsafe { (api.mju_setLogHandler)(Some(handle)) };
        Ok(api)
    }
}

/// What MuJoCo says: an error ends what is being computed as a panic; of warnings a simulation keeps the counts. In
/// place of MuJoCo's own handler, which writes a file into the working directory and ends the process.
unsafe extern "C-unwind" fn handle(message: *const Message) {
    // SAFETY: MuJoCo passes a message, which lives during the call and whose subject ends in a zero.
    let (level, subject) =
        unsafe { ((*message).level, CStr::from_ptr((&raw const (*message).subject).cast())) };
    assert!(level != layout::ERROR, "MuJoCo: {}", subject.to_string_lossy());
}
