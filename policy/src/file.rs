//! The policy file: which metadata entries and tensors a policy is made of.
//!
//! | entry | meaning |
//! |---|---|
//! | `format`, `version` | `slm-policy`, `1` |
//! | `observation` | JSON: `shape`, `dtype` |
//! | `normalizer` (optional) | JSON: `eps`, `clip`; tensors `normalizer.mean`, `normalizer.var` (F64) |
//! | `network` | JSON list of layers; tensors `net.<i>.weight`, `net.<i>.bias`, the names and order of dimensions that `torch.nn.Sequential` uses; of a recurrent layer those of `torch.nn.GRU`'s first, without `_l0` |
//! | `action` | JSON: `type` and its fields (`file_head.rs`); tensors `action.log_std`, `action.low`, `action.high` where it says so |
//! | anything else | free text about the policy's origin |
//!
//! Tensors `parity.obs` and `parity.outputs` are optional; other tensors are ignored.

use crate::error::LoadError;
use crate::file_head::read_head;
use crate::file_head::write_head;
use crate::file_network::read_network;
use crate::file_network::write_network;
use crate::json::Value;
use crate::normalizer::ObsNormalizer;
use crate::policy::Policy;
use crate::safetensors::Container;
use crate::safetensors::Writer;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const FORMAT: &str = "slm-policy";
const VERSION: &str = "1";
/// Keys that belong to the format; the rest of the metadata is the user's.
const RESERVED: [&str; 6] = ["format", "version", "observation", "normalizer", "network", "action"];

impl Policy {
    /// Writes the policy as a safetensors file; equal policies give equal bytes.
    ///
    /// Entries of `metadata` under the format's own keys are left out.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let free = self.metadata.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str()));
        writer.metadata.extend(free.map(|(key, value)| (key.clone(), value.clone())));
        let mut entry = |key: &str, text: String| writer.metadata.insert(key.into(), text);
        entry("format", FORMAT.into());
        entry("version", VERSION.into());
        let shape = self.obs_shape();
        entry("observation", format!("{{\"shape\":{shape:?},\"dtype\":\"float32\"}}"));
        write_normalizer(&mut writer, self.normalizer());
        write_network(&mut writer, self.network());
        write_head(&mut writer, self.head());
        if let Some(parity) = self.parity() {
            let n = parity.obs.len() / self.obs_width();
            writer.f32s("parity.obs", &[n, self.obs_width()], &parity.obs);
            writer.f32s("parity.outputs", &[n, self.output_width()], &parity.outputs);
        }
        writer.into_bytes()
    }

    /// Reads a policy from the bytes of its file.
    ///
    /// # Errors
    /// When the file is malformed in any way, of another version, or uses what this library does not
    /// know. Memory stays proportional to the file, whatever it claims.
    pub fn from_bytes(bytes: &[u8]) -> Result<Policy, LoadError> {
        let file = Container::parse(bytes)?;
        if file.metadata.get("format").map(String::as_str) != Some(FORMAT) {
            return Err(LoadError::NotAPolicy);
        }
        let version = text(&file, "version")?;
        if version != VERSION {
            return Err(LoadError::Version(version.into()));
        }
        let obs_shape = read_observation(&file)?;
        let width = obs_shape.iter().try_fold(1_usize, |size, dim| size.checked_mul(*dim));
        let width = width.ok_or_else(|| LoadError::metadata("observation.shape", "a size"))?;
        let normalizer = read_normalizer(&file, width)?;
        let mut policy =
            Policy::new(&obs_shape, normalizer, read_network(&file)?, read_head(&file)?)?;
        read_parity(&file, &mut policy)?;
        let free = file.metadata.into_iter().filter(|(key, _)| !RESERVED.contains(&key.as_str()));
        policy.metadata = free.collect();
        Ok(policy)
    }
}

fn write_normalizer(writer: &mut Writer, normalizer: Option<&ObsNormalizer>) {
    let Some(normalizer) = normalizer else { return };
    let clip = normalizer.clip().map_or_else(|| "null".into(), |clip| format!("{clip:?}"));
    let entry = format!("{{\"eps\":{:?},\"clip\":{clip}}}", normalizer.eps());
    writer.metadata.insert("normalizer".into(), entry);
    writer.f64s("normalizer.mean", &[normalizer.width()], normalizer.mean());
    writer.f64s("normalizer.var", &[normalizer.width()], normalizer.var());
}

pub(crate) fn text<'f>(file: &'f Container<'_>, key: &str) -> Result<&'f str, LoadError> {
    file.metadata.get(key).map(String::as_str).ok_or_else(|| LoadError::metadata(key, "an entry"))
}

fn read_observation(file: &Container<'_>) -> Result<Vec<usize>, LoadError> {
    let entry = Value::parse(text(file, "observation")?, "observation")?;
    if entry.get("dtype").and_then(Value::as_text) != Some("float32") {
        return Err(LoadError::metadata("observation.dtype", "\"float32\""));
    }
    let shape = entry.get("shape").and_then(Value::as_array);
    let shape = shape.and_then(|dims| dims.iter().map(Value::number::<usize>).collect());
    shape.ok_or_else(|| LoadError::metadata("observation.shape", "a list of sizes"))
}

fn read_normalizer(file: &Container<'_>, width: usize) -> Result<Option<ObsNormalizer>, LoadError> {
    let Some(entry) = file.metadata.get("normalizer") else { return Ok(None) };
    let entry = Value::parse(entry, "normalizer")?;
    let eps = entry.get("eps").and_then(Value::number::<f64>);
    let eps = eps.ok_or_else(|| LoadError::metadata("normalizer.eps", "a number"))?;
    let clip = match entry.get("clip") {
        None | Some(Value::Null) => None,
        Some(clip) => {
            let clip = clip.number::<f32>();
            Some(clip.ok_or_else(|| LoadError::metadata("normalizer.clip", "a number or null"))?)
        }
    };
    let mean = file.f64s("normalizer.mean", &[width])?;
    let var = file.f64s("normalizer.var", &[width])?;
    ObsNormalizer::new(&mean, &var, eps, clip).map(Some)
}

fn read_parity(file: &Container<'_>, policy: &mut Policy) -> Result<(), LoadError> {
    if !file.has("parity.obs") && !file.has("parity.outputs") {
        return Ok(());
    }
    let n = file.shape("parity.obs")?.first().copied().unwrap_or(0);
    let obs = file.f32s("parity.obs", &[n, policy.obs_width()])?;
    let outputs = file.f32s("parity.outputs", &[n, policy.output_width()])?;
    policy.set_parity(&obs, &outputs)
}
