//! A context of OpenGL without a window, through EGL, which is looked for when a picture is first asked for.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use libloading::Library;

use super::api::functions;

/// The library's file name.
const NAME: &str = "libEGL.so.1";

/// What EGL calls a display, a device, a configuration, a context and a surface.
type Handle = *mut c_void;
type Configuration = Handle;
/// `eglQueryDevicesEXT`
type QueryDevices = unsafe extern "C" fn(c_int, *mut Handle, *mut c_int) -> c_int;
/// `eglGetPlatformDisplayEXT`
type PlatformDisplay = unsafe extern "C" fn(c_int, Handle, *const c_int) -> Handle;
/// `glGetString`
type Text = unsafe extern "C" fn(c_int) -> *const c_char;

/// Most devices that are asked for.
const MAX_DEVICES: usize = 16;

const OPENGL_API: c_int = 0x30A2;
const PLATFORM_DEVICE: c_int = 0x313F;
const PLATFORM_SURFACELESS: c_int = 0x31DD;
const SURFACE_TYPE: c_int = 0x3033;
const PBUFFER_BIT: c_int = 1;
const RENDERABLE_TYPE: c_int = 0x3040;
const OPENGL_BIT: c_int = 8;
const RED_SIZE: c_int = 0x3024;
const GREEN_SIZE: c_int = 0x3023;
const BLUE_SIZE: c_int = 0x3022;
const WIDTH: c_int = 0x3057;
const HEIGHT: c_int = 0x3056;
const END: c_int = 0x3038;
const GL_RENDERER: c_int = 0x1F01;

functions! {
    /// EGL's functions, by their names.
    Egl {
        eglGetError: fn() -> c_int;
        eglGetProcAddress: fn(*const c_char) -> *mut c_void;
        eglGetDisplay: fn(Handle) -> Handle;
        eglInitialize: fn(Handle, *mut c_int, *mut c_int) -> c_int;
        eglTerminate: fn(Handle) -> c_int;
        eglBindAPI: fn(c_int) -> c_int;
        eglChooseConfig: fn(Handle, *const c_int, *mut Configuration, c_int, *mut c_int) -> c_int;
        eglCreateContext: fn(Handle, Configuration, Handle, *const c_int) -> Handle;
        eglCreatePbufferSurface: fn(Handle, Configuration, *const c_int) -> Handle;
        eglMakeCurrent: fn(Handle, Handle, Handle, Handle) -> c_int;
    }
}

/// Makes a context of OpenGL this thread's as long as it lives, and says what draws in it.
///
/// # Errors
/// When there is no EGL, or no display of it has OpenGL.
pub(super) fn enter() -> Result<String, String> {
    let library = open().map_err(|_| format!("{NAME} is not here"))?;
    // SAFETY: the types are those of EGL's header `egl.h`.
    let egl = unsafe { Egl::find(library) }.map_err(|error| error.to_string())?;
    // Drivers are not made to be unloaded.
    let egl: &'static Egl = Box::leak(Box::new(egl));
    // SAFETY: it takes a number.
    if unsafe { (egl.eglBindAPI)(OPENGL_API) } == 0 {
        return Err(egl.error("EGL has no OpenGL"));
    }
    let mut reason = "EGL has no display".to_owned();
    for display in egl.displays() {
        match egl.enter(display) {
            Ok(()) => return Ok(egl.renderer()),
            Err(error) => reason = error,
        }
    }
    Err(reason)
}

/// Loads the library for all to see: MuJoCo looks for OpenGL in what is loaded.
#[cfg(unix)]
fn open() -> Result<Library, libloading::Error> {
    use libloading::os::unix;
    // SAFETY: the file is EGL, whose constructors only register what it has.
    unsafe { unix::Library::open(Some(NAME), unix::RTLD_NOW | unix::RTLD_GLOBAL) }.map(Into::into)
}

#[cfg(not(unix))]
fn open() -> Result<Library, libloading::Error> {
    // SAFETY: as above.
    unsafe { Library::new(NAME) }
}

impl Egl {
    /// The displays to try: those of devices, Mesa's without any, and the system's own.
    fn displays(&self) -> Vec<Handle> {
        let mut displays = Vec::new();
        // SAFETY: EGL's extensions give these names to functions of these types.
        let (query, platform) = unsafe {
            (
                self.extension::<QueryDevices>(c"eglQueryDevicesEXT"),
                self.extension::<PlatformDisplay>(c"eglGetPlatformDisplayEXT"),
            )
        };
        if let Some(platform) = platform {
            let devices = query.map(devices).unwrap_or_default();
            let devices = devices.into_iter().map(|device| (PLATFORM_DEVICE, device));
            for (kind, native) in devices.chain([(PLATFORM_SURFACELESS, ptr::null_mut())]) {
                // SAFETY: the device is one of EGL's; without one Mesa takes its own.
                displays.push(unsafe { platform(kind, native, ptr::null()) });
            }
        }
        // SAFETY: it takes a display of the system, null for the one there is.
        displays.push(unsafe { (self.eglGetDisplay)(ptr::null_mut()) });
        displays.retain(|display| !display.is_null());
        displays
    }

    /// Makes a context of this display the thread's, without a surface or with one of a pixel.
    fn enter(&self, display: Handle) -> Result<(), String> {
        let none = ptr::null_mut();
        // SAFETY: the display is one of EGL's, and what is not asked for may be null.
        if unsafe { (self.eglInitialize)(display, ptr::null_mut(), ptr::null_mut()) } == 0 {
            return Err(self.error("no display of EGL can be opened"));
        }
        let entered = self.configuration(display).and_then(|configuration| {
            // SAFETY: the display is open, and the configuration one of its own.
            unsafe {
                let context = (self.eglCreateContext)(display, configuration, none, ptr::null());
                if context.is_null() {
                    return Err(self.error("EGL makes no context of OpenGL"));
                }
                if (self.eglMakeCurrent)(display, none, none, context) != 0 {
                    return Ok(());
                }
                let size = [WIDTH, 1, HEIGHT, 1, END];
                let surface = (self.eglCreatePbufferSurface)(display, configuration, size.as_ptr());
                match (self.eglMakeCurrent)(display, surface, surface, context) {
                    0 => Err(self.error("EGL's context of OpenGL can not be used")),
                    _ => Ok(()),
                }
            }
        });
        if entered.is_err() {
            // SAFETY: nothing of the display is in use; what it has made goes with it.
            unsafe { (self.eglTerminate)(display) };
        }
        entered
    }

    /// A configuration whose contexts are of OpenGL.
    fn configuration(&self, display: Handle) -> Result<Configuration, String> {
        let attributes = [
            [SURFACE_TYPE, PBUFFER_BIT],
            [RENDERABLE_TYPE, OPENGL_BIT],
            [RED_SIZE, 8],
            [GREEN_SIZE, 8],
            [BLUE_SIZE, 8],
            [END, END],
        ];
        let (mut configuration, mut count) = (ptr::null_mut(), 0);
        let wanted = attributes.as_flattened().as_ptr();
        // SAFETY: the display is open, the attributes end as they must, and there is room for one configuration.
        let is_found = unsafe {
            (self.eglChooseConfig)(display, wanted, &raw mut configuration, 1, &raw mut count)
        };
        if is_found == 0 || count < 1 {
            return Err(self.error("no display of EGL has OpenGL"));
        }
        Ok(configuration)
    }

    /// What draws in the thread's context.
    fn renderer(&self) -> String {
        // SAFETY: OpenGL gives this name to a function of this type, and there is a context.
        let name = unsafe { self.extension::<Text>(c"glGetString").map(|text| text(GL_RENDERER)) };
        let name = name.filter(|name| !name.is_null());
        // SAFETY: a text of OpenGL's, which ends in a zero and stays.
        let name = name.map(|name| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "a device without a name".to_owned())
    }

    /// A function that not every EGL has.
    ///
    /// # Safety
    /// `F` is the type of the functions of this name.
    unsafe fn extension<F: Copy>(&self, name: &CStr) -> Option<F> {
        // SAFETY: the name is a text that ends in a zero.
        let address = unsafe { (self.eglGetProcAddress)(name.as_ptr()) };
        // SAFETY: an address that is not null is that of a function, and the caller knows of which type.
        (!address.is_null()).then(|| unsafe { std::mem::transmute_copy(&address) })
    }

    /// What went wrong, with EGL's number of it.
    fn error(&self, what: &str) -> String {
        // SAFETY: it takes nothing.
        format!("{what} (EGL error {:#x})", unsafe { (self.eglGetError)() })
    }
}

fn devices(query: QueryDevices) -> Vec<Handle> {
    let mut devices = vec![ptr::null_mut(); MAX_DEVICES];
    let mut count = 0;
    // SAFETY: there is room for as many devices as are asked for.
    let is_told = unsafe { query(MAX_DEVICES as c_int, devices.as_mut_ptr(), &raw mut count) };
    devices.truncate(if is_told == 0 { 0 } else { usize::try_from(count).unwrap_or(0) });
    devices
}
