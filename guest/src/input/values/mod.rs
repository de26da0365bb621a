//! Values that an input holds, each parsed once into a type that can hold nothing wrong.
//!
//! They know neither the fields that they stand in nor JSON.

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
