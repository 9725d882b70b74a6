/** Thrown while an event is resolved that turns out not to be what the subscription is about. Nobody is told of it. */
export const skipEvent = new Error('The event is not meant for this subscription.');
