import { useEffect, useRef, useState } from 'react';
import { allowNotifications } from '../state/alerts.ts';
import { changeSettings, settings } from '../state/settings.ts';
import { useSignal } from '../state/signal.ts';
import { t } from '../text/index.ts';

interface Properties {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

interface SettingProperties {
  readonly label: string;
  readonly isChosen: boolean;
  readonly onChange: (isChosen: boolean) => void;
}

const Setting = ({ label, isChosen, onChange }: SettingProperties) => (
  <label>
    <input type="checkbox" checked={isChosen} onChange={({ target }) => onChange(target.checked)} />
    {label}
  </label>
);

function SettingsOfBrowser() {
  const { notifications, sound, shortcuts } = useSignal(settings);
  const [isBlocked, setIsBlocked] = useState(false);
  async function setNotifications(isWanted: boolean): Promise<void> {
    const isAllowed = isWanted && (await allowNotifications());
    setIsBlocked(isWanted && !isAllowed);
    changeSettings({ notifications: isAllowed });
  }
  return (
    <div className="settings">
      <Setting
        label={t.notifications}
        isChosen={notifications}
        onChange={(isWanted) => void setNotifications(isWanted)}
      />
      <Setting
        label={t.sound}
        isChosen={sound}
        onChange={(isWanted) => changeSettings({ sound: isWanted })}
      />
      <p role="status">{isBlocked ? t.notificationsBlocked : t.alertsHint}</p>
      <Setting
        label={t.singleKeys}
        isChosen={shortcuts}
        onChange={(isWanted) => changeSettings({ shortcuts: isWanted })}
      />
    </div>
  );
}

/** Settings of this browser and the keyboard shortcuts. */
export function HelpDialog({ isOpen, onClose }: Properties) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} className="help" aria-label={t.menu} onClose={onClose}>
      <SettingsOfBrowser />
      <h2>{t.help}</h2>
      <dl>
        {Object.entries(t.shortcuts).map(([keys, purpose]) => (
          <div key={keys}>
            <dt>
              {keys.split(' / ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{purpose}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={onClose}>
        {t.close}
      </button>
    </dialog>
  );
}
