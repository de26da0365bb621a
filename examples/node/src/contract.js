// Calls the component, and reports the result.

/** Makes the call of a request. Throws only if the component traps. */
export async function call(connector, { call = 'invoke', action = 'send-mail', input, keywords }) {
  switch (call) {
    case 'describe':
      return { manifest: JSON.parse(connector.describe()) };
    case 'validate':
      return { findings: connector.validate(action, input, keywords) };
    case 'invoke':
      return await invoke(connector, action, input, keywords);
    default:
      throw new Error(`there is no call "${call}": invoke, validate and describe are`);
  }
}

async function invoke(connector, action, input, keywords) {
  try {
    return { result: JSON.parse(await connector.invoke(action, input, keywords)) };
  } catch (error) {
    // An error of the contract has a payload: invalid or failed. A trap has no payload.
    if (!error.payload?.tag) throw error;
    return { [error.payload.tag]: error.payload.val };
  }
}
