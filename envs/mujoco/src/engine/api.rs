//! The functions of MuJoCo's library that are called.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ops::Deref;
use std::panic::resume_unwind;

use libloading::Library;

use super::layout;
use super::studio::{self, Studio};

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

/// An `mjrRect`: a part of a picture, in pixels.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Rectangle {
    pub(super) left: c_int,
    pub(super) bottom: c_int,
    pub(super) width: c_int,
    pub(super) height: c_int,
}

/// Declares a table of functions and how it is filled from a library. MuJoCo's functions may unwind: an error that it
/// can not go on from leaves them as a panic.
macro_rules! functions {
    (
        $(#[$doc:meta])*
        $table:ident {
            $($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*
        }
    ) => {
        $(#[$doc])*
        pub(crate) struct $table {
            $(pub(super) $name: unsafe extern "C-unwind" fn($($argument),*) $(-> $result)?,)*
            /// Keeps the functions where they are.
            _library: Library,
        }

        impl $table {
            /// The functions of a library.
            ///
            /// # Safety
            /// The library's functions of these names have these types.
            pub(super) unsafe fn find(library: Library) -> Result<Self, libloading::Error> {
                // SAFETY: the caller's promise.
                unsafe { Ok(Self { $($name: *library.get(stringify!($name).as_bytes())?,)* _library: library }) }
            }
        }
    };
}
pub(super) use functions;

functions! {
    /// MuJoCo's functions, by their names.
    Functions {
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
        mjv_copyData: fn(*mut RawData, *const RawModel, *const RawData) -> *mut RawData;
        mjv_defaultCamera: fn(*mut c_void);
        mjv_defaultOption: fn(*mut c_void);
        mjv_defaultScene: fn(*mut c_void);
        mjv_makeScene: fn(*const RawModel, *mut c_void, c_int);
        mjv_freeScene: fn(*mut c_void);
        mjv_updateScene: fn(*const RawModel, *mut RawData, *const c_void, *const c_void, *mut c_void, c_int, *mut c_void);
        mjr_defaultContext: fn(*mut c_void);
        mjr_makeContext: fn(*const RawModel, *mut c_void, c_int);
        mjr_freeContext: fn(*mut c_void);
        mjr_resizeOffscreen: fn(c_int, c_int, *mut c_void);
        mjr_setBuffer: fn(c_int, *mut c_void);
        mjr_render: fn(Rectangle, *mut c_void, *const c_void);
        mjr_readPixels: fn(*mut u8, *mut f32, Rectangle, *const c_void);
        mjr_getError: fn() -> c_int;
    }
}

/// MuJoCo: its functions, and who draws with them.
pub(crate) struct Api {
    functions: Functions,
    pub(super) studio: Studio,
}

impl Deref for Api {
    type Target = Functions;

    fn deref(&self) -> &Functions {
        &self.functions
    }
}

impl Api {
    /// The functions of MuJoCo 3.17.0, made ready; a reason where the library is another.
    pub(super) fn new(library: Library) -> Result<Self, String> {
        // SAFETY: the types are those of MuJoCo's header `mujoco.h`.
        let functions = unsafe { Functions::find(library) }.map_err(|error| error.to_string())?;
        let api = Self { functions, studio: Studio::default() };
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
    if level == layout::ERROR && studio::is_here() {
        // It is caught there, and told as what the picture lacks.
        resume_unwind(Box::new(subject.to_string_lossy().into_owned()));
    }
    assert!(level != layout::ERROR, "MuJoCo: {}", subject.to_string_lossy());
}
