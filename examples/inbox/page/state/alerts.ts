import { t } from '../text/index.ts';
import { customerName } from '../text/names.ts';
import { plainText } from '../text/plainText.ts';
import type { ChatRowFragment, MessageLineFragment } from '../gql/graphql.ts';
import { hrefOf } from './address.ts';
import { settings } from './settings.ts';

/** A short tone, generated so that no file has to be loaded. */
function playTone(): void {
  const audio = new AudioContext();
  const [tone, volume] = [audio.createOscillator(), audio.createGain()];
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.15, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.35);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.35);
  tone.onended = () => void audio.close();
}

function notify({ text }: MessageLineFragment, chat: ChatRowFragment): void {
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  const title = customerName(chat.customer);
  const body = text === null ? t.noText : plainText(text);
  const notification = new Notification(title, { body, tag: `chat-${chat.id}` });
  notification.onclick = () => {
    window.focus();
    window.location.hash = hrefOf({ chatId: chat.id });
  };
}

/** Reports a message of a customer as the user has chosen. Both are off by default. */
export function alertTo(message: MessageLineFragment, chat: ChatRowFragment): void {
  const { notifications, sound } = settings.get();
  if (sound) playTone();
  if (notifications && document.hidden) notify(message, chat);
}

/** Asks the browser for permission. Returns whether notifications can be shown. */
export const allowNotifications = async (): Promise<boolean> =>
  'Notification' in window && (await Notification.requestPermission()) === 'granted';
