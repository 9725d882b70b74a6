/** Thrown by resolvers to drop an event that does not belong to the subscription. */
export const eventNotForSubscription = new Error('The event does not belong to this subscription.');
