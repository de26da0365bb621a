//! Writes text into a component's file.

/// Appends a custom section: a name, and text that runtimes ignore.
pub(crate) fn append(component: &mut Vec<u8>, name: &str, text: &str) {
    let mut content = unsigned_leb128(name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(text.as_bytes());
    // Section 0 is a custom section, in components and in modules.
    component.push(0);
    component.extend_from_slice(&unsigned_leb128(content.len()));
    component.extend_from_slice(&content);
}

/// Encodes a number as LEB128, as the binary format requires: seven bits in each byte, the lowest first.
fn unsigned_leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        // The mask leaves seven bits.
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
