//! A window that shows frames. It is a convenience of the binary, hence the one place outside
//! `registry.rs` and `device` that knows a feature: without `window` it says so and stays closed.

use slm_env::Frame;

/// A window on a thread of its own; closed by Esc, by its button, or when dropped.
pub(super) struct Viewer(platform::Viewer);

impl Viewer {
    /// Opens a window, or says in one line why there is none.
    pub(super) fn open(title: &str) -> Result<Self, String> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if cfg!(target_os = "linux") && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
            return Err("there is no display (DISPLAY and WAYLAND_DISPLAY are not set)".to_owned());
        }
        platform::Viewer::open(title).map(Self)
    }

    /// Shows a picture soon; a later one takes its place.
    pub(super) fn show(&self, frame: &Frame) {
        self.0.show(frame);
    }

    /// Whether the user has closed it.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Whether this build can open windows, in words.
pub(super) const SUPPORT: &str = platform::SUPPORT;

/// Pixels `0x00RRGGBB` of a window of `size` that shows a picture as large as fits, without distortion.
#[cfg_attr(
    not(all(feature = "window", target_os = "linux")),
    allow(dead_code, reason = "no window")
)]
fn paint(frame: &Frame, size: (usize, usize), out: &mut [u32]) {
    let (width, height) = (frame.width().max(1), frame.height().max(1));
    let by_width = size.0 * height <= size.1 * width;
    let (w, h) = if by_width {
        (size.0, size.0 * height / width)
    } else {
        (size.1 * width / height, size.1)
    };
    out.fill(0);
    let (left, top) = ((size.0 - w) / 2, (size.1 - h) / 2);
    for y in 0..h {
        let row = &frame.rgb()[y * height / h * width * 3..];
        let line = &mut out[(top + y) * size.0 + left..][..w];
        for (x, pixel) in line.iter_mut().enumerate() {
            let at = x * width / w * 3;
            *pixel = u32::from_be_bytes([0, row[at], row[at + 1], row[at + 2]]);
        }
    }
}

#[cfg(not(all(feature = "window", target_os = "linux")))]
mod platform {
    use slm_env::Frame;

    pub(super) const SUPPORT: &str = "not in this build (feature `window`, Linux)";

    /// No window can be opened, so there is no value of this type.
    pub(super) enum Viewer {}

    impl Viewer {
        pub(super) fn open(_title: &str) -> Result<Self, String> {
            Err(format!("a window is {SUPPORT}"))
        }

        pub(super) fn show(&self, _frame: &Frame) {
            match *self {}
        }

        pub(super) fn is_closed(&self) -> bool {
            match *self {}
        }
    }
}

#[cfg(all(feature = "window", target_os = "linux"))]
mod platform {
    use std::num::NonZeroU32;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{self, Sender};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread::{self, JoinHandle};
    use std::time::Duration;

    use slm_env::Frame;
    use softbuffer::{Context, Surface};
    use winit::application::ApplicationHandler;
    use winit::dpi::PhysicalSize;
    use winit::error::EventLoopError;
    use winit::event::{ElementState, WindowEvent};
    use winit::event_loop::{ActiveEventLoop, EventLoop};
    use winit::keyboard::{Key, NamedKey};
    use winit::platform::pump_events::{EventLoopExtPumpEvents, PumpStatus};
    use winit::platform::x11::EventLoopBuilderExtX11;
    use winit::window::{Window, WindowId};

    use super::paint;

    pub(super) const SUPPORT: &str = "X11 and Wayland";

    /// How long the display has to answer.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// Longest wait between looking for events and for a new picture.
    const TICK: Duration = Duration::from_millis(8);

    /// What the window's thread and its owner share.
    #[derive(Default)]
    struct Shared {
        latest: Mutex<Option<Frame>>,
        is_closed: AtomicBool,
        is_dropped: AtomicBool,
    }

    pub(super) struct Viewer {
        shared: Arc<Shared>,
        thread: Option<JoinHandle<()>>,
    }

    impl Viewer {
        pub(super) fn open(title: &str) -> Result<Self, String> {
            let shared = Arc::new(Shared::default());
            let (ready, opened) = mpsc::channel();
            let (title, theirs) = (title.to_owned(), Arc::clone(&shared));
            let thread = thread::Builder::new()
                .name("window".to_owned())
                .spawn(move || {
                    run(title, &theirs, &ready);
                    theirs.is_closed.store(true, Ordering::Relaxed);
                })
                .map_err(|error| error.to_string())?;
            match opened.recv_timeout(PATIENCE) {
                Ok(Ok(())) => Ok(Self { shared, thread: Some(thread) }),
                Ok(Err(reason)) => Err(format!("no window could be opened: {reason}")),
                Err(_) => Err("no window could be opened: the display does not answer".to_owned()),
            }
        }

        pub(super) fn show(&self, frame: &Frame) {
            let mut latest = self.shared.latest.lock().unwrap_or_else(PoisonError::into_inner);
            latest.get_or_insert_default().clone_from(frame);
        }

        pub(super) fn is_closed(&self) -> bool {
            self.shared.is_closed.load(Ordering::Relaxed)
        }
    }

    impl Drop for Viewer {
        fn drop(&mut self) {
            self.shared.is_dropped.store(true, Ordering::Relaxed);
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }

    fn run(title: String, shared: &Shared, ready: &Sender<Result<(), String>>) {
        let event_loop = EventLoop::builder().with_any_thread(true).build();
        let mut event_loop = match event_loop {
            Ok(event_loop) => event_loop,
            Err(error) => return drop(ready.send(Err(cause(&error)))),
        };
        let mut app = App { title, open: None, frame: Frame::new(), is_closed: false };
        let mut is_reported = false;
        while !app.is_closed && !shared.is_dropped.load(Ordering::Relaxed) {
            if let PumpStatus::Exit(_) = event_loop.pump_app_events(Some(TICK), &mut app) {
                break;
            }
            if let (false, Some(open)) = (is_reported, &app.open) {
                let _ = ready.send(open.as_ref().map(drop).map_err(Clone::clone));
                is_reported = true;
            }
            app.take(&mut shared.latest.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The last part of a message, without the place in the source that winit puts first.
    fn cause(error: &EventLoopError) -> String {
        let text = error.to_string();
        text.rsplit(": ").next().unwrap_or(&text).to_owned()
    }

    /// The window and the picture it shows.
    struct App {
        title: String,
        /// None before the display has answered.
        open: Option<Result<Open, String>>,
        frame: Frame,
        is_closed: bool,
    }

    struct Open {
        window: Arc<Window>,
        surface: Surface<Arc<Window>, Arc<Window>>,
    }

    impl Open {
        fn new(event_loop: &ActiveEventLoop, title: &str) -> Result<Self, String> {
            let attributes = Window::default_attributes()
                .with_title(title)
                .with_inner_size(PhysicalSize::new(600, 400));
            let window = event_loop.create_window(attributes).map_err(|error| error.to_string())?;
            let window = Arc::new(window);
            let context = Context::new(Arc::clone(&window)).map_err(|error| error.to_string())?;
            let surface = Surface::new(&context, Arc::clone(&window));
            Ok(Self { window, surface: surface.map_err(|error| error.to_string())? })
        }

        fn draw(&mut self, frame: &Frame) -> Result<(), softbuffer::SoftBufferError> {
            let size = self.window.inner_size();
            let (Some(width), Some(height)) =
                (NonZeroU32::new(size.width), NonZeroU32::new(size.height))
            else {
                return Ok(());
            };
            self.surface.resize(width, height)?;
            let mut buffer = self.surface.buffer_mut()?;
            paint(frame, (size.width as usize, size.height as usize), &mut buffer);
            self.window.pre_present_notify();
            buffer.present()
        }
    }

    impl App {
        /// Takes over a new picture, if there is one.
        fn take(&mut self, latest: &mut Option<Frame>) {
            let (Some(frame), Some(Ok(open))) = (latest.take(), &self.open) else { return };
            let size = (frame.width(), frame.height());
            if size != (self.frame.width(), self.frame.height()) {
                let size = PhysicalSize::new(size.0 as u32, size.1 as u32);
                let _ = open.window.request_inner_size(size);
            }
            self.frame = frame;
            open.window.request_redraw();
        }

        fn draw(&mut self) {
            if let Some(Ok(open)) = &mut self.open
                && self.frame.width() > 0
            {
                self.is_closed |= open.draw(&self.frame).is_err();
            }
        }
    }

    impl ApplicationHandler for App {
        fn resumed(&mut self, event_loop: &ActiveEventLoop) {
            if self.open.is_none() {
                self.open = Some(Open::new(event_loop, &self.title));
                self.is_closed = !matches!(self.open, Some(Ok(_)));
            }
        }

        fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
            match event {
                WindowEvent::CloseRequested => self.is_closed = true,
                WindowEvent::RedrawRequested => self.draw(),
                WindowEvent::KeyboardInput { event, .. } => {
                    let is_escape = event.logical_key == Key::Named(NamedKey::Escape);
                    self.is_closed |= is_escape && event.state == ElementState::Pressed;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fills_the_window_without_distortion() {
        let mut frame = Frame::new();
        frame.clear(2, 1, [1, 2, 3]);
        frame.rgb_mut()[3..].copy_from_slice(&[9, 9, 9]);
        let mut out = [7; 12];
        paint(&frame, (4, 3), &mut out);
        let (a, b) = (0x01_02_03, 0x09_09_09);
        assert_eq!(out, [a, a, b, b, a, a, b, b, 0, 0, 0, 0]);
    }
}
