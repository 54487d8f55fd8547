//! Who draws with MuJoCo's renderer: one thread of the process, since a context of OpenGL is a thread's own.
//!
//! It is started by the first picture, draws copies that it is given, and frees what it has of a model when that is gone.
//! Where OpenGL is missing, fails or does not answer, there are no more such pictures, and the reason is kept.

use std::any::Any;
use std::env;
use std::ffi::c_int;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use super::egl;
use super::library::mujoco;
use super::scene::{self, Scene, Shot};
use super::simulation::Simulation;

/// The variable of the environment that says how pictures are made, here as in MuJoCo's Python.
const VARIABLE: &str = "MUJOCO_GL";
/// The thread's name.
const THREAD: &str = "mujoco-pictures";
/// Bytes of the thread's stack: drivers compile on it.
const STACK: usize = 8 << 20;
/// How long a driver is waited for: to start, or for a picture.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the process looks at its end whether the last picture is drawn, and how long it waits in between.
const LOOKS: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

unsafe extern "C" {
    /// The C library's: what is done when the process ends, the last first.
    fn atexit(work: extern "C" fn()) -> c_int;
}

/// How pictures are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// By MuJoCo with OpenGL, on this device.
    OpenGl(String),
    /// By rays, as `MUJOCO_GL` asks.
    Rays,
    /// By rays, since OpenGL can not be used for this reason.
    NoOpenGl(String),
}

impl fmt::Display for Pictures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenGl(device) => write!(f, "by OpenGL (EGL, {device})"),
            Self::Rays => write!(f, "in software ({VARIABLE} asks for it)"),
            Self::NoOpenGl(reason) => write!(f, "in software: {reason}"),
        }
    }
}

/// How pictures are made in this process, found out by a trial; none without MuJoCo's library.
pub fn pictures() -> Option<Pictures> {
    let device = mujoco().ok()?.studio.ask(|thread| Ok(thread.device.clone()));
    Some(device.map_or_else(|how| how, Pictures::OpenGl))
}

/// The thread that draws, once it was asked for; or how pictures are made without it.
#[derive(Default)]
pub(super) struct Studio {
    thread: Mutex<Option<Result<Thread, Pictures>>>,
}

/// The way to the thread that draws.
struct Thread {
    device: String,
    orders: Sender<Order>,
}

/// A picture to be taken, and where it is to go.
struct Order {
    /// A copy: whoever waits in vain goes on with the original.
    simulation: Simulation,
    shot: Shot,
    reply: Sender<Result<Vec<u8>, String>>,
}

impl Simulation {
    /// `[height, width, 3]`: a picture by MuJoCo with OpenGL, where it can be used.
    pub(crate) fn photograph(&self, shot: Shot) -> Option<Vec<u8>> {
        self.model().api.studio.ask(|thread| thread.draw(self, shot)).ok()
    }
}

impl Studio {
    /// Asks the thread for something, one after the other, so that nobody waits for more than one answer. It is
    /// started where it was not; where it fails, it is asked no more.
    fn ask<T>(&self, what: impl FnOnce(&Thread) -> Result<T, String>) -> Result<T, Pictures> {
        let mut state = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let started = state.get_or_insert_with(|| {
            is_wanted(&env::var(VARIABLE).unwrap_or_default())?;
            Thread::start().map_err(Pictures::NoOpenGl)
        });
        let thread = started.as_ref().map_err(Clone::clone)?;
        what(thread).map_err(|reason| {
            let how = Pictures::NoOpenGl(reason);
            *started = Err(how.clone());
            how
        })
    }
}

/// Whether OpenGL may be used. What Python's MuJoCo takes is taken, and all its ways to a window mean EGL.
fn is_wanted(value: &str) -> Result<(), Pictures> {
    match value.trim().to_lowercase().as_str() {
        "" | "egl" | "enable" | "enabled" | "on" | "true" | "1" | "glfw" | "glx" | "cgl"
        | "wgl" => Ok(()),
        "software" | "osmesa" | "disable" | "disabled" | "off" | "false" | "0" => {
            Err(Pictures::Rays)
        }
        _ => Err(Pictures::NoOpenGl(format!("{VARIABLE} should be egl or software, not {value}"))),
    }
}

impl Thread {
    /// Starts the thread and waits until it has a context of OpenGL that works.
    fn start() -> Result<Self, String> {
        let (orders, ordered) = channel();
        let (tell, told) = channel();
        let work = move || serve(&ordered, &tell);
        let thread = thread::Builder::new().name(THREAD.to_owned()).stack_size(STACK).spawn(work);
        thread.map_err(|error| error.to_string())?;
        let device = told.recv_timeout(PATIENCE).map_err(|_| no_answer())??;
        // SAFETY: a function of the type that is asked for. Drivers have put theirs there before.
        unsafe { atexit(finish) };
        Ok(Self { device, orders })
    }

    fn draw(&self, simulation: &Simulation, shot: Shot) -> Result<Vec<u8>, String> {
        let (reply, picture) = channel();
        let order = Order { simulation: caught(|| simulation.copy())?, shot, reply };
        self.orders.send(order).map_err(|_| no_answer())?;
        picture.recv_timeout(PATIENCE).map_err(|_| no_answer())?
    }
}

/// Lets no more be drawn when the process ends: drivers put away what they draw with, whoever draws.
extern "C" fn finish() {
    let Ok(api) = mujoco() else { return };
    for _ in 0..LOOKS {
        match api.studio.thread.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            held => return mem::forget(held),
        }
    }
}

fn no_answer() -> String {
    "OpenGL does not answer".to_owned()
}

/// Whether this is the thread that draws.
pub(super) fn is_here() -> bool {
    thread::current().name() == Some(THREAD)
}

/// The thread: opens a context, tells which, and draws until something fails.
fn serve(orders: &Receiver<Order>, tell: &Sender<Result<String, String>>) {
    let opened = caught(|| egl::enter().and_then(|device| scene::try_out().map(|()| device)));
    let is_open = opened.is_ok();
    // Whoever waits no longer has given it up.
    if tell.send(opened).is_err() || !is_open {
        return;
    }
    let mut scenes = Vec::new();
    for Order { simulation, shot, reply } in orders {
        let picture = caught(|| draw(&mut scenes, &simulation, &shot));
        let is_well = picture.is_ok();
        if reply.send(picture).is_err() || !is_well {
            break;
        }
    }
    // What a context holds that has failed is not touched again.
    mem::forget(scenes);
}

fn draw(scenes: &mut Vec<Scene>, simulation: &Simulation, shot: &Shot) -> Result<Vec<u8>, String> {
    scenes.retain(|scene| !scene.is_orphan());
    let model = simulation.shared_model();
    let known = scenes.iter().position(|scene| scene.is_of(model));
    let known = known.unwrap_or_else(|| {
        scenes.push(Scene::new(model));
        scenes.len() - 1
    });
    scenes[known].draw(simulation, shot)
}

/// What is computed, or why it failed: MuJoCo's errors come as panics.
fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(text(&*panic)))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::scene::Pose;
    use crate::engine::simulation::tests::balls;

    #[test]
    fn the_variable_is_pythons_and_what_it_does_not_know_is_named() {
        for value in ["", "egl", " EGL", "glfw", "1"] {
            assert_eq!(is_wanted(value), Ok(()), "{value}");
        }
        for value in ["software", "off", "Disabled", "osmesa"] {
            assert_eq!(is_wanted(value), Err(Pictures::Rays), "{value}");
        }
        let text = is_wanted("elg").expect_err("it is mistyped").to_string();
        assert_eq!(text, "in software: MUJOCO_GL should be egl or software, not elg");
    }

    #[test]
    fn a_thread_that_fails_is_asked_no_more() {
        let (orders, _) = channel();
        let thread = Thread { device: String::new(), orders };
        let studio = Studio { thread: Mutex::new(Some(Ok(thread))) };
        let failed = Pictures::NoOpenGl("OpenGL error 0x505".to_owned());
        assert_eq!(studio.ask(|_| Ok(1)), Ok(1));
        assert_eq!(
            studio.ask(|_| Err::<u8, _>("OpenGL error 0x505".to_owned())),
            Err(failed.clone())
        );
        assert_eq!(studio.ask(|_| Ok(1)), Err(failed));
    }

    #[test]
    fn a_thread_that_has_ended_is_a_failure() {
        let Some(simulation) = balls(1, "1M") else { return };
        let (orders, _) = channel();
        let thread = Thread { device: String::new(), orders };
        let pose = Pose::Free { look_at: [0.0; 3], distance: 1.0, azimuth: 90.0, elevation: 0.0 };
        let picture = thread.draw(&simulation, Shot { size: (8, 8), pose });
        assert_eq!(picture, Err("OpenGL does not answer".to_owned()));
    }

    #[test]
    fn an_error_of_mujocos_on_the_thread_is_a_reason() {
        let Some(mut simulation) = balls(2, "4K") else { return };
        let work = move || {
            caught(|| {
                simulation.step(1);
                Ok(())
            })
        };
        let thread = thread::Builder::new().name(THREAD.to_owned()).spawn(work);
        let result = thread.expect("there are threads").join().expect("it is caught");
        let reason = result.expect_err("it is too little memory");
        assert!(reason.starts_with("mj_stackAlloc: out of memory"), "{reason}");
    }
}
