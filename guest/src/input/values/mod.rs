//! The values in an input. Each is parsed once into a type that can only hold valid values.
//!
//! These types do not depend on fields or JSON.

pub mod address;
pub mod address_list;
pub mod base64_text;
pub mod data_uri;
pub mod date;
pub mod domain;
pub mod encoded_name;
pub mod file_name;
pub mod media_type;
pub mod message_id;
pub mod quoted_string;
pub mod web_address;
