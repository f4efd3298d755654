// Asking Python, and waiting for its answers.

const PATIENCE = 300; // ms until the view says that it waits

/**
 * Sends requests to Python, and passes their answers on; only the newest request counts.
 * @param {any} model
 * @param {import("./shell.js").Shell} frame
 * @param {(answer: {kind: string, text: string}) => void} tell gets answers, and `waiting`
 * @param {{oneAtATime?: boolean}} [options] hold requests back while one is not answered, and
 *   then send only the newest: for questions, not for commands
 * @returns {(request: string, given?: object) => void}
 */
export function asker(model, frame, tell, { oneAtATime = false } = {}) {
  let newest = 0;
  let open = 0;
  let held = null;
  let timer = 0;
  const send = (request) => {
    open = request.id;
    model.send(request);
  };
  const answered = (content) => {
    if (content.answers === open) open = 0;
    if (open === 0 && held !== null) {
      send(held);
      held = null;
    }
    if (content.answers !== newest) return;
    clearTimeout(timer);
    tell(content);
    frame.root.dataset.ffAnswered = String(content.answers);
  };
  model.on("msg:custom", answered);
  frame.later(() => {
    clearTimeout(timer);
    model.off("msg:custom", answered);
  });
  return (request, given = {}) => {
    newest += 1;
    clearTimeout(timer);
    timer = setTimeout(() => tell({ kind: "waiting", text: "Waiting for the kernel …" }), PATIENCE);
    const made = { ...given, do: request, id: newest };
    if (oneAtATime && open !== 0) held = made;
    else send(made);
  };
}
