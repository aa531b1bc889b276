//! placeholder
use super::{ApiModel, SchemaError};
/// x
pub fn embedded() -> Result<ApiModel, SchemaError> {
    Ok(ApiModel::default())
}
