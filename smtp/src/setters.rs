//! The macro for the setters of option structs, which can get more fields later.

/// Declares setters that take and return the struct. A field in the second group is an `Option`, and its setter takes
/// the value with or without `Some`.
#[doc(hidden)]
#[macro_export]
macro_rules! setters {
    ($name:ident { $($field:ident: $value:ty),* $(,)? } $(optional { $($rare:ident: $inner:ty),+ $(,)? })?) => {
        impl $name {
            $(
                #[doc = concat!("Sets `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(self, $field: $value) -> Self {
                    Self { $field, ..self }
                }
            )*
            $($(
                #[doc = concat!("Sets `", stringify!($rare), "`.")]
                #[must_use]
                pub fn $rare(self, $rare: impl Into<Option<$inner>>) -> Self {
                    Self { $rare: $rare.into(), ..self }
                }
            )+)?
        }
    };
}
