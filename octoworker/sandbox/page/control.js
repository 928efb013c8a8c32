/** One call of a control; returns its answer, and the sentence that says why it was refused, "" when it was not. */
export async function control(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  try {
    const answer = await fetch(`/_sandbox/${path}`, { method, body: body && JSON.stringify(body), headers });
    const document = await answer.json();
    return [document, answer.ok ? "" : document.error];
  } catch {
    return [{}, "The sandbox does not answer."];
  }
}
