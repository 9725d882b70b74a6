/** Thrown by resolvers to drop an event that does not belong to the subscription. */
export const skipEvent = new Error('The event does not belong to this subscription.');
