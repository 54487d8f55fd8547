//! The `action` entry of a policy file.
//!
//! | `type` | fields |
//! |---|---|
//! | `categorical`, `argmax`, `bernoulli` | `n` |
//! | `multi_categorical` | `nvec`: a list of sizes |
//! | `normal`, `log_normal`, `gumbel`, `beta` | `k`; `log_std`: `output`, `vector` for tensor `action.log_std`, or `absent` where actions are not drawn; `log_std_range`; `bounds`: whether there are tensors `action.low` and `action.high`; `normal` also `squash`: whether tanh is applied |

use crate::continuous::Bounds;
use crate::continuous::ContinuousHead;
use crate::continuous::LogStd;
use crate::error::LoadError;
use crate::family::Family;
use crate::file::text;
use crate::head::ActionHead;
use crate::json::Value;
use crate::safetensors::Container;
use crate::safetensors::Writer;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) fn write_head(writer: &mut Writer, head: &ActionHead) {
    let entry = match head {
        ActionHead::Categorical { n } => format!("{{\"type\":\"categorical\",\"n\":{n}}}"),
        ActionHead::Argmax { n } => format!("{{\"type\":\"argmax\",\"n\":{n}}}"),
        ActionHead::Bernoulli { n } => format!("{{\"type\":\"bernoulli\",\"n\":{n}}}"),
        ActionHead::MultiCategorical { nvec } => {
            format!("{{\"type\":\"multi_categorical\",\"nvec\":{nvec:?}}}")
        }
        ActionHead::Continuous(head) => write_continuous(writer, head),
    };
    writer.metadata.insert("action".into(), entry);
}

fn write_continuous(writer: &mut Writer, head: &ContinuousHead) -> String {
    let k = head.k;
    if let LogStd::Vector(values) = &head.log_std {
        writer.f32s("action.log_std", &[k], values);
    }
    if let Some(Bounds { low, high }) = &head.bounds {
        writer.f32s("action.low", &[k], low);
        writer.f32s("action.high", &[k], high);
    }
    let from = match head.log_std {
        LogStd::Output => "output",
        LogStd::Vector(_) => "vector",
        LogStd::Absent => "absent",
    };
    let squash = match head.family {
        Family::Normal => "\"squash\":false,",
        Family::NormalTanh => "\"squash\":true,",
        _ => "",
    };
    let (family, bounds, range) = (head.family.name(), head.bounds.is_some(), head.log_std_range);
    format!(
        "{{\"type\":\"{family}\",\"k\":{k},\"log_std\":\"{from}\",\"log_std_range\":{range:?},\
         {squash}\"bounds\":{bounds}}}"
    )
}

pub(crate) fn read_head(file: &Container<'_>) -> Result<ActionHead, LoadError> {
    let entry = Value::parse(text(file, "action")?, "action")?;
    let size = || {
        let found = entry.get("n").and_then(Value::number::<usize>);
        found.ok_or_else(|| LoadError::metadata("action.n", "a size"))
    };
    match entry.get("type").and_then(Value::as_text) {
        Some("categorical") => Ok(ActionHead::Categorical { n: size()? }),
        Some("argmax") => Ok(ActionHead::Argmax { n: size()? }),
        Some("bernoulli") => Ok(ActionHead::Bernoulli { n: size()? }),
        Some("multi_categorical") => {
            let nvec = entry.get("nvec").and_then(Value::as_array);
            let nvec = nvec.and_then(|list| list.iter().map(Value::number::<usize>).collect());
            let nvec = nvec.ok_or_else(|| LoadError::metadata("action.nvec", "a list of sizes"))?;
            Ok(ActionHead::MultiCategorical { nvec })
        }
        Some("normal") if flag(&entry, "squash", "action.squash")? => {
            read_continuous(file, &entry, Family::NormalTanh)
        }
        Some(name) => {
            let family = Family::ALL.into_iter().find(|family| family.name() == name);
            let family = family.ok_or_else(|| LoadError::UnknownOp(name.into()))?;
            read_continuous(file, &entry, family)
        }
        None => Err(LoadError::metadata("action.type", "a name")),
    }
}

fn read_continuous(
    file: &Container<'_>,
    entry: &Value<'_>,
    family: Family,
) -> Result<ActionHead, LoadError> {
    let k = entry.get("k").and_then(Value::number::<usize>);
    let k = k.ok_or_else(|| LoadError::metadata("action.k", "a size"))?;
    let log_std = match entry.get("log_std").and_then(Value::as_text) {
        Some("output") => LogStd::Output,
        Some("vector") => LogStd::Vector(file.f32s("action.log_std", &[k])?),
        Some("absent") => LogStd::Absent,
        _ => {
            let expected = "\"output\", \"vector\" or \"absent\"";
            return Err(LoadError::metadata("action.log_std", expected));
        }
    };
    let range = entry.get("log_std_range").and_then(Value::as_array);
    let range = range.and_then(|r| r.iter().map(Value::number::<f32>).collect::<Option<Vec<_>>>());
    let range = range.and_then(|r| <[f32; 2]>::try_from(r).ok());
    let log_std_range =
        range.ok_or_else(|| LoadError::metadata("action.log_std_range", "two numbers"))?;
    let bounds = if flag(entry, "bounds", "action.bounds")? {
        let (low, high) = (file.f32s("action.low", &[k])?, file.f32s("action.high", &[k])?);
        Some(Bounds { low, high })
    } else {
        None
    };
    Ok(ActionHead::Continuous(ContinuousHead { family, k, log_std, log_std_range, bounds }))
}

fn flag(entry: &Value<'_>, key: &str, name: &str) -> Result<bool, LoadError> {
    let found = entry.get(key).and_then(Value::as_bool);
    found.ok_or_else(|| LoadError::metadata(name, "true or false"))
}
